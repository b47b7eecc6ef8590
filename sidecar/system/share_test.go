package system

import (
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// tracked is how many connections the host's table has that begin or end in an instance's part of the pool.
func (s *stack) tracked(instance string) (from, to int) {
	s.t.Helper()
	part, err := netip.ParsePrefix(s.addressOf(instance, "web") + "/28")
	if err != nil {
		s.t.Fatal(err)
	}
	all, err := netlink.ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
	if err != nil {
		s.t.Fatal(err)
	}
	gateway := part.Masked().Addr().Next() // the host's own, from which the edge dials
	within := func(ip net.IP) bool {
		a, ok := netip.AddrFromSlice(ip.To4())
		return ok && part.Contains(a) && a != gateway
	}
	for _, f := range all {
		if within(f.Forward.SrcIP) {
			from++
		} else if within(f.Reverse.SrcIP) && f.Forward.SrcIP.String() == outside {
			to++
		}
	}
	return from, to
}

// counted is the number in what a probe says.
func counted(t *testing.T, text, word string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimPrefix(text, word+" "))
	if err != nil {
		t.Fatalf("%q is no number of what is %s", text, word)
	}
	return n
}

func TestAnInstanceHasItsShareOfTheHostsConnectionsAndNoMore(t *testing.T) {
	const share = 40
	startOutside(t)
	s := startOn(
		t, "0.0.0.0", "embedded", writeFixtures(t, prisons...), "CONTAINER_MAX_CONNECTIONS="+fmt.Sprint(share),
		"SANDBOX_POOL=0",
	)
	ids := map[string]string{}
	for _, challenge := range prisons {
		ids[challenge] = s.running(alice, challenge).ID
		got := s.inside(challenge, "flood", "to", "db", "from", "10", "ports", "40")
		sent := counted(t, got, "sent")
		from, _ := s.tracked(ids[challenge])
		t.Logf("%-7s %d datagrams to its own service are %d connections of the host", challenge, sent, from)
		if sent < 400 || from > 0 {
			t.Errorf("%s: %d sent, %d tracked", challenge, sent, from)
		}
		if got := s.inside(challenge, "dial", "to", "db:9000"); got != "open" {
			t.Errorf("%s: its own service db: %s", challenge, got)
		}
	}
	sent := counted(t, s.inside("open", "flood", "to", outside, "from", "10", "ports", "40"), "sent")
	from, _ := s.tracked(ids["open"])
	t.Logf("open    %d datagrams to the outside are %d connections of the host, its share is %d", sent, from, share)
	if from > share {
		t.Errorf("%d tracked", from)
	}
	s.running(bob, "open")
	got, err := s.try(bob, "GET", s.address(bob, "open")+"/probe/hold?times=100&to="+outside+":8080", nil)
	if err != nil {
		t.Fatal(err)
	}
	if open := counted(t, got.Body, "open"); open < share/2 || open > share {
		t.Errorf("another instance, beside one that floods, opens %d of 100 connections, its share is %d", open, share)
	}
	other := s.running(bob, "ported")
	host := net.JoinHostPort("203.0.113.1", fmt.Sprint(s.live(alice, "ported").Routes[1].Port))
	open := fromOutside(t, host, 100)
	_, to := s.tracked(ids["ported"])
	t.Logf("ported  of 100 connections from outside %d are opened and %d are in the table", open, to)
	if open > share || open < share*3/4 || to > share { // the edge's own, as those of readiness, count too
		t.Errorf("%d of 100 connections to one instance's port are open, %d tracked", open, to)
	}
	if open := fromOutside(t, net.JoinHostPort("203.0.113.1", fmt.Sprint(other.Routes[1].Port)), 5); open != 5 {
		t.Errorf("beside an instance that is flooded, %d of 5 reach another", open)
	}
}

func TestInventedHardwareAddressesFillNoTableOfTheHost(t *testing.T) {
	fixtures["framer"] = fixture{toml: "[security]\ncapabilities = [\"NET_RAW\"]\n" + httpRoute}
	s := start(t, "embedded", writeFixtures(t, "framer"), "SANDBOX_POOL=0")
	in := s.running(alice, "framer")
	const frames = 5000
	if got := s.inside("framer", "frames", "times", fmt.Sprint(frames)); got != fmt.Sprint("sent ", frames) {
		t.Fatal(got)
	}
	out, err := exec.Command("bridge", "fdb", "show", "br", bridge(t, in.ID), "dynamic").CombinedOutput()
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	got := strings.Count(string(out), "\n")
	t.Logf("%d frames with invented senders, %d addresses are remembered", frames, got)
	if got == 0 || got > 64 {
		t.Errorf("the bridge remembers %d addresses", got)
	}
	if got := s.inside("framer", "dial", "to", "web:8080"); got != "open" {
		t.Errorf("the instance itself: %s", got)
	}
}

// fromOutside opens connections from the outside at the same time, and is how many are open before it closes them.
func fromOutside(t *testing.T, address string, times int) int {
	t.Helper()
	results := make(chan net.Conn, times)
	for range times {
		go func() { results <- dialOutside(address) }()
	}
	open := 0
	for range times {
		if conn := <-results; conn != nil {
			open++
			defer conn.Close()
		}
	}
	return open
}

// inNamespace does something on a thread that is in a network namespace meanwhile. It comes back: a thread that ended
// would take along all processes that are to end with it (Pdeathsig), whoever has started them there.
func inNamespace(name string, do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		here, err := netns.Get()
		if err != nil {
			done <- err
			return
		}
		defer here.Close()
		there, err := netns.GetFromName(name)
		if err != nil {
			done <- err
			return
		}
		defer there.Close()
		if err = netns.Set(there); err == nil {
			err = do()
		}
		if back := netns.Set(here); back != nil {
			panic(back) // a thread of all tests would be elsewhere
		}
		runtime.UnlockOSThread()
		done <- err
	}()
	return <-done
}

// dialOutside opens a connection from the outside, or is nil.
func dialOutside(address string) (conn net.Conn) {
	_ = inNamespace("whaley-outside", func() (err error) {
		conn, err = net.DialTimeout("tcp", address, 3*time.Second)
		return err
	})
	return conn
}
