package canary

import (
	"bufio"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// Kind is what should not be reached.
type Kind string

// What is tried.
const (
	Metadata Kind = "metadata" // where clouds tell machines their secrets
	Node     Kind = "node"     // the machine that the Pod is on
	API      Kind = "api"      // the API server
	Pod      Kind = "pod"      // another Pod like an instance's
	Own      Kind = "own"      // what is Whaley's: its internal API, database, Redis
)

// Target is one address with its port.
type Target struct {
	Kind    Kind   `json:"kind"`
	Address string `json:"address"`
}

const (
	// Variable names addresses of the node, separated by commas.
	Variable = "WHALEY_NODE"
	// Port is where a canary is asked.
	Port = 7117
)

// secrets are where clouds answer: most of them, Amazon's tasks, Alibaba's, Azure's, Oracle's.
var secrets = []string{
	"169.254.169.254:80", "169.254.170.2:80", "169.254.170.23:80", "100.100.100.200:80", "168.63.129.16:80", "192.0.0.192:80",
}

// ports of nodes: the kubelet's three, the API server's two, etcd's, kube-proxy's, SSH, exporters, and a web server.
var ports = []string{"10250", "10255", "10248", "6443", "443", "2379", "10256", "22", "9100", "80"}

// First are the targets that a Pod knows from its beginning, by its environment.
func First() []Target {
	var all []Target
	for _, at := range secrets {
		all = append(all, Target{Metadata, at})
	}
	if host := os.Getenv("KUBERNETES_SERVICE_HOST"); host != "" {
		all = append(all, Target{API, net.JoinHostPort(host, os.Getenv("KUBERNETES_SERVICE_PORT"))})
	}
	hosts := strings.FieldsFunc(os.Getenv(Variable), func(r rune) bool { return r == ',' || r == ' ' })
	if routes, err := os.Open("/proc/net/route"); err == nil {
		defer routes.Close()
		hosts = append(hosts, gateways(bufio.NewScanner(routes))...)
	}
	slices.Sort(hosts)
	for _, host := range slices.Compact(hosts) {
		for _, port := range ports {
			all = append(all, Target{Node, net.JoinHostPort(host, port)})
		}
	}
	return all
}

// gateways are those of a table of routes as the kernel prints it: a node has one of its own for its Pods.
func gateways(lines *bufio.Scanner) (all []string) {
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 {
			continue
		}
		raw, err := hex.DecodeString(fields[2])
		if err != nil || len(raw) != 4 {
			continue // the heading
		}
		slices.Reverse(raw)
		if at, _ := netip.AddrFromSlice(raw); !at.IsUnspecified() {
			all = append(all, at.String())
		}
	}
	return all
}
