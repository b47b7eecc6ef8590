package system

import (
	"io"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker/dockertest"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// outside is a machine of the world: a network namespace behind a cable, with an address that looks public (and is
// nobody's: TEST-NET-3).
const outside = "203.0.113.2"

func startOutside(t *testing.T) {
	t.Helper()
	const name = "whaley-outside"
	down := func() {
		exec.Command("ip", "link", "del", "whout0").Run() // by itself the cable goes some time after the namespace
		exec.Command("ip", "netns", "del", name).Run()
	}
	down()
	t.Cleanup(down)
	for _, line := range []string{
		"ip netns add " + name,
		"ip link add whout0 type veth peer name whout1 netns " + name,
		"ip addr add 203.0.113.1/30 dev whout0",
		"ip link set whout0 up",
		"ip -n " + name + " addr add " + outside + "/30 dev whout1",
		"ip -n " + name + " link set whout1 up",
	} {
		if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", line, err, out)
		}
	}
	server := exec.Command("ip", "netns", "exec", name, filepath.Join(dockertest.TestServerContext(t), "server"))
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	testkit.Eventually(t, 30*time.Second, "the outside answers", func() error {
		conn, err := net.DialTimeout("tcp", outside+":8080", time.Second)
		if err == nil {
			conn.Close()
		}
		return err
	})
}

// service stands for one that listens on all addresses of the host.
func service(t *testing.T) string {
	t.Helper()
	return listening(t, "0.0.0.0:0", func(c net.Conn) { c.Close() })
}

// listening serves connections to an address of the host, and is the port.
func listening(t *testing.T, address string, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return portOnly(t, l.Addr().String())
}

// servers are real ones that carelessness has put on all addresses of the host: the port of each by what it is.
func servers(t *testing.T) map[string]string {
	t.Helper()
	database, err := url.Parse(testkit.StartPostgres(t))
	if err != nil {
		t.Fatal(err)
	}
	to := func(network, address string) string { return listening(t, "0.0.0.0:0", passedOn(network, address)) }
	return map[string]string{
		"Redis": to("tcp", testkit.StartRedis(t, "").Addr()), "PostgreSQL": to("tcp", database.Host),
		"engine's API": to("unix", "/var/run/docker.sock"),
	}
}

// passedOn gives what comes in to a server, and what that says back.
func passedOn(network, address string) func(net.Conn) {
	return func(from net.Conn) {
		defer from.Close()
		server, err := net.Dial(network, address)
		if err != nil {
			return
		}
		defer server.Close()
		go io.Copy(server, from)
		io.Copy(from, server)
	}
}
