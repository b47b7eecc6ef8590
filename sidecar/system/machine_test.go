package system

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// machine is one of its own: a network namespace with an engine, on a cable to the rest of the world, which is another
// one. Ports and addresses there are nobody else's.
type machine struct {
	t           *testing.T
	host, world string // names of the namespaces
	engine      *engine
	resolv      string // its /etc/resolv.conf
}

// resolved is where the name servers of that world say that resolvedName is.
const resolvedName, resolvedTo = "mirror.example.org", "192.0.2.80"

// startMachine makes one whose default route leads by a gateway.
func startMachine(t *testing.T, gateway netip.Addr) *machine {
	t.Helper()
	a := &machine{
		t: t, host: fmt.Sprintf("whaley-apart-%d", os.Getpid()), world: fmt.Sprintf("whaley-world-%d", os.Getpid()),
	}
	a.resolv = filepath.Join("/etc/netns", a.host, "resolv.conf") // where ip netns exec looks for it
	if err := os.MkdirAll(filepath.Dir(a.resolv), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		exec.Command("ip", "netns", "del", a.host).Run()
		exec.Command("ip", "netns", "del", a.world).Run()
		os.RemoveAll(filepath.Dir(a.resolv))
	})
	a.names(gateway) // whoever it is, until the test says otherwise
	for _, line := range []string{
		"ip netns add HOST", "ip netns add WORLD",
		"ip -n HOST link add cable type veth peer name cable netns WORLD",
		"ip -n HOST link set lo up", "ip -n WORLD link set lo up",
		"ip -n HOST addr add 192.168.77.2/24 dev cable", "ip -n WORLD addr add 192.168.77.1/24 dev cable",
		"ip -n HOST link set cable up", "ip -n WORLD link set cable up",
		"ip -n WORLD addr add " + gateway.String() + "/32 dev cable",
		"ip -n HOST route add default via " + gateway.String() + " dev cable onlink",
	} {
		a.sh(line)
	}
	dir, err := os.MkdirTemp("/tmp", "whaley-engine-") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	a.engine = &engine{t: t, dir: dir, bridge: "none", in: []string{"nsenter", "--net=/run/netns/" + a.host}}
	a.engine.start()
	t.Cleanup(func() {
		a.docker("ps -aq | xargs -r docker rm -f")
		a.engine.stop()
	})
	return a
}

func (a *machine) sh(line string) {
	a.t.Helper()
	line = strings.NewReplacer("HOST", a.host, "WORLD", a.world).Replace(line)
	if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
		a.t.Fatalf("%s: %v %s", line, err, out)
	}
}

// docker runs a line of a shell, after "docker ", on this machine's engine.
func (a *machine) docker(line string) string {
	command := exec.Command("sh", "-c", "docker "+line)
	command.Env = append(os.Environ(), "DOCKER_HOST="+a.engine.host())
	out, err := command.CombinedOutput()
	if err != nil {
		a.t.Errorf("docker %s: %v %s", line, err, out)
	}
	return string(out)
}

// names makes an address this machine's only name server.
func (a *machine) names(server netip.Addr) {
	a.t.Helper()
	// In place: whoever runs already sees this file.
	if err := os.WriteFile(a.resolv, []byte("nameserver "+server.String()+"\noptions timeout:2 attempts:2\n"), 0o644); err != nil {
		a.t.Fatal(err)
	}
}

// command is one that is run on this machine.
func (a *machine) command(args ...string) *exec.Cmd {
	command := exec.Command("ip", append([]string{"netns", "exec", a.host}, args...)...)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return command
}

// resolves fails the test if this machine does not resolve names any more, as whatever runs on it does.
func (a *machine) resolves(when string) {
	a.t.Helper()
	out, err := a.command("getent", "ahostsv4", resolvedName).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), resolvedTo) {
		a.t.Errorf("%s: %s is %q, %v", when, resolvedName, out, err)
	}
}

// unreachable are the networks that routes of this machine make unreachable.
func (a *machine) unreachable() []netip.Prefix {
	a.t.Helper()
	out, err := exec.Command("ip", "-n", a.host, "-4", "route", "show", "table", "all", "type", "unreachable").Output()
	if err != nil {
		a.t.Fatal(err)
	}
	var all []netip.Prefix
	for line := range strings.Lines(string(out)) {
		network, err := netip.ParsePrefix(strings.Fields(line)[1])
		if err != nil {
			a.t.Fatalf("%q: %v", line, err)
		}
		all = append(all, network)
	}
	return all
}

// inWorld does something in the rest of the world.
func (a *machine) inWorld(do func() error) {
	a.t.Helper()
	if err := inNamespace(a.world, do); err != nil {
		a.t.Fatal(err)
	}
}

// nameServer answers at an address of the world.
func (a *machine) nameServer(address netip.Addr) {
	a.t.Helper()
	a.sh("ip -n WORLD addr add " + address.String() + "/32 dev lo")
	var conn net.PacketConn
	a.inWorld(func() (err error) {
		conn, err = net.ListenPacket("udp4", net.JoinHostPort(address.String(), "53"))
		return err
	})
	a.t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if reply, err := answerTo(buffer[:n]); err == nil {
				_, _ = conn.WriteTo(reply, from) // who asked asks again
			}
		}
	}()
}

func answerTo(question []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil {
		return nil, err
	}
	m.Response, m.Additionals = true, nil
	for _, q := range m.Questions {
		if q.Type == dnsmessage.TypeA && q.Name.String() == resolvedName+"." {
			m.Answers = append(
				m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body: &dnsmessage.AResource{A: netip.MustParseAddr(resolvedTo).As4()}},
			)
		}
	}
	return m.Pack()
}

// database is a PostgreSQL that this machine reaches at an address of the world, as a URL.
func (a *machine) database(address netip.Addr) string {
	a.t.Helper()
	database, err := url.Parse(testkit.StartPostgres(a.t))
	if err != nil {
		a.t.Fatal(err)
	}
	a.sh("ip -n WORLD addr add " + address.String() + "/32 dev lo")
	var l net.Listener
	a.inWorld(func() (err error) {
		l, err = net.Listen("tcp4", net.JoinHostPort(address.String(), "5432"))
		return err
	})
	a.t.Cleanup(func() { l.Close() })
	serve := passedOn("tcp", database.Host)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	database.Host = net.JoinHostPort(address.String(), "5432")
	return database.String()
}

// curl asks for something on this machine, as a player there.
func (a *machine) curl(args ...string) (string, error) {
	out, err := a.command(append([]string{"curl", "-sS", "--fail-with-body", "--max-time", "90"}, args...)...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("curl %s: %w %s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}

func (a *machine) eventually(what string, try func() error) {
	a.t.Helper()
	testkit.Eventually(a.t, 90*time.Second, what, try)
}
