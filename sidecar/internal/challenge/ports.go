package challenge

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// maxRange is how many ports one entry of a service's ports may name: each becomes an entry of its own.
const maxRange = 1000

var (
	// portRange is a part of an entry that names several ports.
	portRange = regexp.MustCompile(`(\d+)-(\d+)`)
	// ownPort is Whaley's variable for a host port, which has no value before there is an instance.
	ownPort = regexp.MustCompile(`^\$(?:\{PORT_(\d+)(?::?-\d*)?\}|PORT_(\d+)):(\d+)(/tcp)?$`)
)

// port looks at an entry of a service's ports as far as the parser must not: at ranges without end, and at Whaley's own
// variables. Nothing is ever published for it: routes lead to ports. See converter.ports.
func (r *reading) port(node *yaml.Node, path string) {
	if m := ownPort.FindStringSubmatch(node.Value); m != nil {
		if by := m[1] + m[2]; by != m[3] {
			r.refuse(node, path, "PORT_%s is the host port of %s, not of %s", by, by, m[3])
		}
		node.Value = m[3]
	}
	if node.Kind == yaml.MappingNode {
		if entryOf(node, "target", 1) == nil {
			r.drop(node, path, "is left out: it names no port of the container")
		}
		return
	}
	r.halves(node, path)
	for _, m := range portRange.FindAllStringSubmatch(r.fill(node.Value), -1) {
		from, _ := strconv.Atoi(m[1]) // digits; too many make no range of ports
		to, err := strconv.Atoi(m[2])
		if err != nil || to-from >= maxRange {
			r.refuse(node, path, "%q names more than %d ports", node.Value, maxRange)
			r.broken = true
		}
	}
}

// halves takes the container's half of an entry whose other half is a variable that nothing sets, since nothing is
// published there anyway.
func (r *reading) halves(node *yaml.Node, path string) {
	at, deep := -1, 0
	for n, c := range node.Value {
		switch {
		case c == '{':
			deep++
		case c == '}':
			deep--
		case c == ':' && deep == 0:
			at = n
		}
	}
	host, container := node.Value[:max(at, 0)], node.Value[at+1:]
	if filled := strings.Trim(r.fill(host), ":"); strings.Contains(host, "$") &&
		(filled == "" || strings.Contains(filled, "$")) || noPort(filled) {
		r.gone[path] = !strings.Contains(container, "$")
		node.Value = container
		if r.over == 0 {
			r.problems.note(r.file, node.Line, path, "host port %s left out: Whaley gives out ports", host)
		}
	}
	if number, _, _ := strings.Cut(r.fill(container), "/"); strings.Contains(container, "$") && number == "" {
		r.drop(node, path, "is left out: %s", r.missing(container))
	}
}

// noPort says whether the host's half of an entry ends in a number that no port has.
func noPort(host string) bool {
	number, err := strconv.Atoi(host[strings.LastIndexByte(host, ':')+1:])
	return err == nil && number > 65535 || errors.Is(err, strconv.ErrRange)
}

// ports notes what of a service's ports is not done: routes alone lead into an instance.
func (c *converter) ports(s types.ServiceConfig, d *definition) {
	var hosts, unrouted, datagrams, others []string
	for _, p := range s.Ports {
		inside := strconv.FormatUint(uint64(p.Target), 10)
		if p.Published != "" || p.HostIP != "" {
			hosts = append(hosts, p.Published)
		}
		routed, udp := false, p.Protocol == "udp"
		for _, r := range d.Routes {
			routed = routed || r.Service == s.Name && r.Port == int(p.Target) && udp == (r.Protocol == "udp")
		}
		switch {
		case p.Protocol != "" && p.Protocol != "tcp" && !udp:
			others = append(others, inside+"/"+p.Protocol)
		case !routed && udp:
			datagrams = append(datagrams, inside)
		case !routed:
			unrouted = append(unrouted, inside)
		}
	}
	if hosts = some(hosts); len(hosts) > 0 {
		c.note(s.Name, "ports", "host port %s left out: Whaley gives out ports", strings.Join(hosts, ", "))
	}
	if unrouted = some(unrouted); len(unrouted) > 0 {
		c.note(
			s.Name, "ports", "no route leads to port %s of %s; players reach it only by a [[routes]] in instance.toml",
			strings.Join(unrouted, ", "), s.Name,
		)
	}
	if datagrams = some(datagrams); len(datagrams) > 0 {
		c.note(
			s.Name, "ports",
			"no route leads to UDP port %s of %s; players reach it only by a [[routes]] in instance.toml with type = \"port\" and "+
				"protocol = \"udp\"", strings.Join(datagrams, ", "), s.Name,
		)
	}
	if others = some(others); len(others) > 0 {
		c.note(s.Name, "ports", "%s left out: routes are TCP or UDP", strings.Join(others, ", "))
	}
}

// some is a list to be read: without repetitions, and the rest of a long one counted.
func some(all []string) []string {
	const shown = 5
	var list []string
	seen := map[string]bool{}
	for _, text := range all {
		if text != "" && !seen[text] {
			seen[text] = true
			list = append(list, text)
		}
	}
	if len(list) > shown {
		return append(list[:shown:shown], fmt.Sprintf("%d more", len(list)-shown))
	}
	return list
}
