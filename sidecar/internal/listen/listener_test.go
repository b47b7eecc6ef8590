package listen

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

func open(t *testing.T, opts Options) *Listener {
	t.Helper()
	opts.Name = "TEST_LISTEN"
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	l, err := Open("127.0.0.1:0", opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// accepted lets a listener accept, and holds what it did.
func accepted(t *testing.T, l *Listener) <-chan *Conn {
	t.Helper()
	all := make(chan *Conn, 100)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				close(all)
				return
			}
			all <- conn.(*Conn)
		}
	}()
	return all
}

func dial(t *testing.T, from string, l *Listener) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ended waits until the other side has ended a connection.
func ended(t *testing.T, conn net.Conn) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("it goes on: %v", err)
	}
}

// turnedAway holds that a listener takes nothing more from an address.
func turnedAway(t *testing.T, from string, l *Listener) {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.Dial("tcp", l.Addr().String())
	if errors.Is(err, syscall.ECONNRESET) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ended(t, conn)
}

func TestAnAddressHasOnlySoManyConnections(t *testing.T) {
	l := open(t, Options{Most: 100, PerAddress: 3, ForMany: []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}})
	conns := accepted(t, l)
	for range 3 {
		dial(t, "127.0.0.1", l)
	}
	last := <-conns
	<-conns
	<-conns
	for range 5 {
		turnedAway(t, "127.0.0.1", l)
	}
	for range 4 { // a proxy that is trusted stands for many
		dial(t, "127.0.0.9", l)
		<-conns
	}
	dial(t, "127.0.0.2", l)
	<-conns
	last.Close()
	last.Close() // counts once
	dial(t, "127.0.0.1", l)
	<-conns
	turnedAway(t, "127.0.0.1", l)
}

func TestWhoSaysNothingIsLeftAlone(t *testing.T) {
	l := open(t, Options{Most: 40, Hello: 300 * time.Millisecond})
	conns := accepted(t, l)
	silent := dial(t, "127.0.0.1", l)
	greeted := dial(t, "127.0.0.1", l)
	first, second := <-conns, <-conns
	if first.RemoteAddr().String() != greeted.LocalAddr().String() {
		first, second = second, first
	}
	if err := first.Greeted(); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("who says nothing is waited for: %v", err)
	}
	second.Close()
	ended(t, silent)
	if _, err := greeted.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if n, err := first.Read(make([]byte, 1)); n != 1 {
		t.Errorf("who has said what it wants is cut off: %v", err)
	}
	// A quarter of all may be silent at once, half of that of one address.
	for range 5 {
		dial(t, "127.0.0.1", l)
		<-conns
	}
	turnedAway(t, "127.0.0.1", l)
	dial(t, "127.0.0.2", l)
	<-conns
	if l.strange.all != 6 || l.all.all != 7 {
		t.Errorf("%d are silent, of %d", l.strange.all, l.all.all)
	}
}

func TestWhoDoesNotListenIsLeftAlone(t *testing.T) {
	l := open(t, Options{Most: 10})
	l.unread = 200 * time.Millisecond
	conns := accepted(t, l)
	dial(t, "127.0.0.1", l)
	conn := <-conns
	for _, write := range []func() error{
		func() error { _, err := conn.Write(make([]byte, 64<<10)); return err },
		func() error { _, err := io.CopyN(conn, zeros{}, 64<<10); return err },
	} {
		deadline := time.Now().Add(30 * time.Second)
		for {
			err := write()
			if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT) {
				break
			}
			if err != nil || time.Now().After(deadline) {
				t.Fatalf("%v", err)
			}
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestItAcceptsAgainOnceThereAreDescriptors runs in a process of its own, whose descriptors it uses up.
func TestItAcceptsAgainOnceThereAreDescriptors(t *testing.T) {
	if os.Getenv("LISTEN_EXHAUST") == "" {
		child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		child.Env = append(os.Environ(), "LISTEN_EXHAUST=1")
		if out, err := child.CombinedOutput(); err != nil || !strings.Contains(string(out), "accepted again") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}); err != nil {
		t.Fatal(err)
	}
	log := &testkit.Log{}
	l := open(t, Options{Most: 100, Hello: time.Minute, Log: slog.New(slog.NewTextHandler(log, nil))})
	conns := accepted(t, l)
	dial(t, "127.0.0.1", l)
	(<-conns).Close()
	for range 2 {
		var files []*os.File
		for {
			f, err := os.Open("/dev/null")
			if err != nil {
				break
			}
			files = append(files, f)
		}
		files[0].Close() // one for the client
		dial(t, "127.0.0.1", l)
		for l.Check(t.Context()) == nil {
			time.Sleep(time.Millisecond) // the trouble is seen soon
		}
		for _, f := range files {
			f.Close()
		}
		(<-conns).Close()
		for l.Check(t.Context()) != nil {
			time.Sleep(10 * time.Millisecond) // and is over a moment later
		}
	}
	if text := log.Tail(100); !strings.Contains(text, "cannot be accepted") || !strings.Contains(text, "TEST_LISTEN") ||
		strings.Count(text, "\n") > 2 {
		t.Errorf("the log: %s", text)
	}
	t.Log("accepted again")
}

func TestAListenerThatIsOfNoUseSaysSo(t *testing.T) {
	l := open(t, Options{Most: 10})
	if err := l.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- Serve(t.Context(), l, http.NotFoundHandler(), l.opts.Log) }()
	l.inner.Close() // as nobody of ours would
	if err := <-served; err == nil {
		t.Error("the server ends as if nothing were")
	}
	if err := l.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "TEST_LISTEN") {
		t.Errorf("%v", err)
	}
}

func TestATakenPortIsSaidAtOnce(t *testing.T) {
	l := open(t, Options{Most: 10})
	_, err := Open(l.Addr().String(), Options{Name: "LISTEN"})
	if err == nil || !strings.Contains(err.Error(), "LISTEN="+l.Addr().String()) {
		t.Errorf("%v", err)
	}
}

func TestServingEndsWithItsContext(t *testing.T) {
	l := open(t, Options{Most: 10})
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, l, http.NotFoundHandler(), l.opts.Log) }()
	resp, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
