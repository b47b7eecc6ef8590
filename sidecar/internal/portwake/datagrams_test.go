package portwake_test

import (
	"context"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/turn"
	"github.com/whaley-ctf/whaley/sidecar/internal/portwake"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// mapped are the team's ports as the store lists them.
type mapped []whaley.PortMapping

func (m mapped) PortMappings(context.Context, string, string, string, int) ([]whaley.PortMapping, string, error) {
	return m, "", nil
}

// echoes sends each datagram back, with the address that it came from before it.
func echoes(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(append([]byte("got "), buffer[:n]...), from)
		}
	}()
	return conn.LocalAddr().String()
}

// sending runs the server for one port of UDP of the team's and returns a connection to it.
func sending(t *testing.T, r portwake.Rules, home bool, internal int, from string) net.Conn {
	t.Helper()
	_, text, err := net.SplitHostPort(testkit.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	port, _ := strconv.Atoi(text)
	mapping := whaley.PortMapping{Owner: "team_1", Challenge: "pwn", Internal: internal, Port: port}
	opener := &portwake.Server{
		Rules: r, Book: book{port: mapping}, Challenges: challenges{}, Owners: teamAtHome(home), Turns: turn.New(0),
		Log: slog.New(slog.DiscardHandler),
	}
	d := &portwake.Datagrams{Opener: opener, Mappings: mapped{mapping}, Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	testkit.Eventually(t, time.Minute, "the port is open", func() error { return d.Open(port) })
	conn, err := (&net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}).Dial("udp", "127.0.0.1:"+text)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestADatagramFromItsOwnerStartsWhatSleepsAndIsAnsweredByIt(t *testing.T) {
	r := &rules{backend: echoes(t)}
	conn := sending(t, r, true, 53, "127.0.0.1")
	for _, said := range []string{"one", "two"} {
		if _, err := conn.Write([]byte(said)); err != nil {
			t.Fatal(err)
		}
		if got := answer(t, conn); got != "got "+said {
			t.Errorf("%q was answered by %q", said, got)
		}
	}
	if len(r.woken) != 1 || r.woken[0].Host != "pwn.team_1" || r.woken[0].Player.Address != "127.0.0.1" {
		t.Errorf("woken by %+v", r.woken)
	}
}

// Where a datagram comes from can be a lie: what is not known to be its owner's place gets no byte, and starts nothing.
func TestADatagramFromAnywhereElseStartsNothingAndIsNotAnswered(t *testing.T) {
	for what, c := range map[string]struct {
		home   bool
		from   string
		refuse *whaley.Error
	}{
		"a stranger":              {home: true, from: "127.0.0.2"},
		"an owner not signed in":  {from: "127.0.0.1"},
		"an owner who is refused": {home: true, from: "127.0.0.1", refuse: whaley.Errorf(whaley.Exhausted, "q", "Stop one.")},
	} {
		r := &rules{backend: echoes(t), refuse: c.refuse}
		asked := &counted{rules: r, done: make(chan struct{}, 8)}
		conn := sending(t, asked, c.home, 53, c.from)
		for range 3 {
			if _, err := conn.Write([]byte(strings.Repeat("x", 100))); err != nil {
				t.Fatal(err)
			}
		}
		<-asked.done
		_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if n, err := conn.Read(make([]byte, 1500)); err == nil {
			t.Errorf("%s: answered by %d bytes", what, n)
		}
		if r.mu.Lock(); r.runs {
			t.Errorf("%s: it runs", what)
		}
		r.mu.Unlock()
		if n := len(asked.done); n > 0 {
			t.Errorf("%s: asked %d times more than once about a sender who may start nothing", what, n)
		}
	}
}

// counted says when something has been asked for.
type counted struct {
	*rules
	done chan struct{}
}

func (c *counted) Resolve(ctx context.Context, q whaley.HostQuery) (whaley.HostView, error) {
	defer func() { c.done <- struct{}{} }()
	return c.rules.Resolve(ctx, q)
}

// What comes while its instance starts waits for it, but no more than some.
func TestDatagramsAreHeldWhileTheirInstanceStarts(t *testing.T) {
	r := slow{&rules{backend: echoes(t), runs: true}, make(chan struct{}, 8), make(chan struct{})}
	conn := sending(t, r, true, 53, "127.0.0.1")
	for range 100 {
		if _, err := conn.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
	}
	<-r.asked
	_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := conn.Read(make([]byte, 1500)); err == nil {
		t.Error("answered before anything runs")
	}
	close(r.answer)
	for range 8 {
		if got := answer(t, conn); got != "got hello" {
			t.Errorf("answered by %q", got)
		}
	}
}

func answer(t *testing.T, conn net.Conn) string {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	buffer := make([]byte, 1500)
	n, err := conn.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return string(buffer[:n])
}
