package portmap_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/nftables"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/portmap"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

const prefix = "whtmap-"

func newTable(t *testing.T) *portmap.Table {
	t.Helper()
	table := portmap.New(prefix, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if err := table.Remove(); err != nil {
			t.Error(err)
		}
	})
	return table
}

// greeter listens at an address and says its name, and for those who were led to it where they wanted to go.
func greeter(t *testing.T, network, address, name string, meant bool) int {
	t.Helper()
	return testkit.Serve(t, network, address, func(conn net.Conn) {
		text := name
		if meant {
			to, err := portmap.Meant(conn.(syscall.Conn), conn.RemoteAddr())
			text += " for " + strconv.Itoa(int(to.Port()))
			if err != nil {
				text = err.Error()
			}
		}
		_, _ = io.WriteString(conn, text)
	}).Port
}

func heard(address string) string {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return "refused"
	}
	defer conn.Close()
	text, _ := io.ReadAll(conn)
	return string(text)
}

// ownAddress is one of the host's that is not its loopback.
func ownAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	t.Fatal("this host has no address but its loopback")
	return ""
}

func TestPortsLeadWhereTheRowsSayAndAllElseToTheSidecar(t *testing.T) {
	testkit.Need(t, testkit.Root, testkit.Docker)
	ctx, host := context.Background(), ownAddress(t)
	service := greeter(t, "tcp", host+":0", "the service", false)
	sidecar := greeter(t, "tcp", ":0", "the sidecar", true)
	// a port that is this test's; it listens on loopback only
	free := greeter(t, "tcp", "127.0.0.1:0", "someone else", false)
	table := newTable(t)
	if err := table.Put(sidecar); err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(free)
	led := containers.Forward{Port: free, To: netip.AddrPortFrom(netip.MustParseAddr(host), uint16(service))}
	want := func(when, byHost, byLoopback, byIPv6 string) {
		t.Helper()
		for address, want := range map[string]string{host: byHost, "127.0.0.1": byLoopback, "[::1]": byIPv6} {
			if got := heard(address + ":" + port); got != want {
				t.Errorf("%s, %s: heard %q, want %q", when, address, got, want)
			}
		}
	}
	asleep := "the sidecar for " + port
	want("nobody's", "refused", "someone else", "refused")
	table.Know([]int{free})
	want("somebody's, asleep", asleep, asleep, asleep)
	for range 2 {
		if err := table.Open(ctx, []containers.Forward{led}); err != nil {
			t.Fatal(err)
		}
	}
	want("it runs", "the service", asleep, asleep)

	// Another process takes over: what runs is led all the while.
	second := portmap.New(prefix, slog.New(slog.DiscardHandler))
	if err := second.Put(sidecar); err != nil {
		t.Fatal(err)
	}
	want("taken over", "the service", asleep, asleep)
	none := func(context.Context) ([]containers.Forward, error) { return nil, nil }
	if err := second.Sync(ctx, none); err != nil {
		t.Fatal(err)
	}
	want("the rows say that nothing runs", asleep, asleep, asleep)

	// Flushed by somebody: what comes next finds that out, and the rows put the rest back.
	c, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	c.DelTable(&nftables.Table{Name: "whaley-ports-" + prefix, Family: nftables.TableFamilyINet})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	want("flushed", "refused", "someone else", "refused")
	if err := second.Open(ctx, []containers.Forward{led}); err != nil {
		t.Fatal(err)
	}
	want("put back", "the service", asleep, asleep)
	elsewhere := led
	elsewhere.To = netip.AddrPortFrom(led.To.Addr(), 9)
	if err := second.Close(ctx, []containers.Forward{elsewhere}); err != nil {
		t.Fatal(err)
	}
	want("another's end", "the service", asleep, asleep)
	for range 2 {
		if err := second.Close(ctx, []containers.Forward{led}); err != nil {
			t.Fatal(err)
		}
	}
	want("it ended", asleep, asleep, asleep)
}

func TestTheEnginesChainStaysReadableForTheEngine(t *testing.T) {
	testkit.Need(t, testkit.Root, testkit.Docker)
	rules := func() string {
		out, err := exec.Command("iptables", "-w", "-S", "DOCKER-USER").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	table := newTable(t)
	for range 2 {
		if err := table.Put(0); err != nil {
			t.Fatal(err)
		}
	}
	text := rules()
	if n := strings.Count(text, prefix+"+"); n != 2 {
		t.Errorf("%d rules of ours in\n%s", n, text)
	}
	if last := strings.LastIndex(text, prefix); strings.Contains(text, "-j RETURN") && last > strings.LastIndex(text, "-j RETURN") {
		t.Errorf("the engine never comes to ours:\n%s", text)
	}
	if err := table.Remove(); err != nil {
		t.Fatal(err)
	}
	if text := rules(); strings.Contains(text, prefix) {
		t.Errorf("left behind:\n%s", text)
	}
}

// A sender of datagrams whose first ones were held by the sidecar stays with it; others are led, and led no more when
// what they were led to ends.
func TestASenderOfDatagramsGoesOnToWhereItsFirstOnesWent(t *testing.T) {
	testkit.Need(t, testkit.Root, testkit.Docker)
	host := ownAddress(t)
	says := func(address, name string) int {
		conn, err := net.ListenPacket("udp4", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		go func() {
			for buffer := make([]byte, 9); ; {
				_, from, err := conn.ReadFrom(buffer)
				if err != nil {
					return
				}
				_, _ = conn.WriteTo([]byte(name), from)
			}
		}()
		return conn.LocalAddr().(*net.UDPAddr).Port
	}
	service, port := says(host+":0", "the service"), says(":0", "the sidecar")
	table := newTable(t)
	if err := table.Put(0); err != nil {
		t.Fatal(err)
	}
	sender := func() net.Conn {
		conn, err := net.Dial("udp4", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	want := func(when string, conn net.Conn, want string) {
		t.Helper()
		buffer := make([]byte, 99)
		_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
		_, err := conn.Write([]byte("hello"))
		n := 0
		if err == nil {
			n, err = conn.Read(buffer)
		}
		if got := string(buffer[:n]); got != want {
			t.Errorf("%s: heard %q %v, want %q", when, got, err, want)
		}
	}
	held, later := sender(), sender()
	want("asleep", held, "the sidecar")
	led := []containers.Forward{{Port: port, UDP: true, To: netip.AddrPortFrom(netip.MustParseAddr(host), uint16(service))}}
	if err := table.Open(t.Context(), led); err != nil {
		t.Fatal(err)
	}
	want("it runs, who was there before", held, "the sidecar")
	want("it runs, another", later, "the service")
	if err := table.Close(t.Context(), led); err != nil {
		t.Fatal(err)
	}
	want("it ended", later, "the sidecar")
}
