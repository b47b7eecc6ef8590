package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
)

// streams is a surface behind a real server that believes X-Forwarded-For.
func streams(t *testing.T, change ...func(*api.Options)) (*surface, *httptest.Server) {
	s := newSurfaceOn(t, simulated.NewWorld().Engine("streams"), func(_ *api.Needs, o *api.Options) {
		o.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		for _, c := range change {
			c(o)
		}
	})
	server := httptest.NewServer(s.public)
	t.Cleanup(server.Close)
	return s, server
}

// ownerOf is the id of who is at an address.
func (s *surface) ownerOf(address string) string {
	var me struct{ Owner struct{ ID string } }
	s.into(s.call(address, "GET", "/me", ""), &me)
	return me.Owner.ID
}

// follower reads one event stream.
type follower struct {
	status int
	code   string      // of the refusal
	events chan string // names; closed at the stream's end
	close  func()
	gave   atomic.Bool // it was told to give way
}

func follow(t *testing.T, server *httptest.Server, path, player string, header ...string) *follower {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Forwarded-For", player)
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	resp, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	f := &follower{status: resp.StatusCode, events: make(chan string, 100), close: cancel}
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		_, rest, _ := strings.Cut(string(text), `"code":"`)
		f.code, _, _ = strings.Cut(rest, `"`)
		resp.Body.Close()
		cancel()
		close(f.events)
		return f
	}
	go func() {
		defer cancel()
		defer resp.Body.Close()
		defer close(f.events)
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if name, is := strings.CutPrefix(lines.Text(), "event: "); is {
				f.gave.Store(f.gave.Load() || name == "replaced")
				f.events <- name
			}
		}
	}()
	return f
}

// next is the name of the next event; "" at the end.
func (f *follower) next(t *testing.T) string {
	t.Helper()
	select {
	case name := <-f.events:
		return name
	case <-time.After(time.Minute):
		t.Fatal("no event for a minute")
		return ""
	}
}

// settle waits until what the streams that just opened asked for is read, and forgets what they were told.
func (s *surface) settle(all []*follower) {
	for before := int64(-1); before != s.store.lists.Load(); time.Sleep(time.Second) {
		before = s.store.lists.Load()
	}
	for _, f := range all {
		for len(f.events) > 0 {
			<-f.events
		}
	}
}

func TestAChangeIsReadOnceHoweverManyFollow(t *testing.T) {
	s, server := streams(t)
	var all []*follower
	for range 20 {
		f := follow(t, server, "/events", alice)
		if got := f.next(t); got != "instances" {
			t.Fatalf("%q", got)
		}
		all = append(all, f)
	}
	owner := s.ownerOf(alice)
	for try := 1; ; try++ { // what the opening asked for may still be read meanwhile
		s.settle(all)
		before := s.store.lists.Load()
		s.rules.OwnerChanged(owner)
		for n, f := range all {
			if got := f.next(t); got != "instances" {
				t.Fatalf("stream %d: %q", n, got)
			}
		}
		got := s.store.lists.Load() - before
		if got == 1 {
			return
		}
		if try == 5 {
			t.Fatalf("one change of one owner with %d streams was read %d times, want once", len(all), got)
		}
	}
}

func TestAThousandStreamsOfOnePlayerAreTwentyAndHinderNobody(t *testing.T) {
	s, server := streams(t)
	bobs := follow(t, server, "/events", bob)
	bobs.next(t)
	before := runtime.NumGoroutine()
	all := make([]*follower, 1000)
	var opening errgroup.Group
	opening.SetLimit(100)
	for n := range all {
		opening.Go(func() error {
			all[n] = follow(t, server, "/events", alice)
			return nil
		})
	}
	_ = opening.Wait()
	var left []*follower
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		left = slices.DeleteFunc(slices.Clone(all), func(f *follower) bool { return f.gave.Load() })
		if len(left) == 20 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d of 1000 streams are open, want 20", len(left))
		}
	}
	for n, f := range all {
		if f.status != http.StatusOK {
			t.Fatalf("stream %d: %d %s", n, f.status, f.code)
		}
	}
	s.settle(left)
	owner := s.ownerOf(alice)
	reads := s.store.lists.Load()
	s.rules.OwnerChanged(owner)
	if w := s.call(bob, "GET", "/instances", ""); w.Code != http.StatusOK {
		t.Errorf("another player: %d %s", w.Code, w.Body)
	}
	for n, f := range left {
		if got := f.next(t); got != "instances" {
			t.Errorf("stream %d of those left: %q", n, got)
		}
	}
	if got := s.store.lists.Load() - reads; got > 5 {
		t.Errorf("the list was read %d times, want once for the change and once for the other player", got)
	}
	s.rules.OwnerChanged(s.ownerOf(bob))
	if got := bobs.next(t); got != "instances" {
		t.Errorf("the other player's stream: %q", got)
	}
	for _, f := range all {
		f.close()
	}
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > before+20; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

func TestStreamsAreBoundedAltogether(t *testing.T) {
	_, server := streams(t, func(o *api.Options) { o.Streams = 5 })
	var all []*follower
	for n := range 5 {
		all = append(all, follow(t, server, "/events", fmt.Sprintf("192.0.2.%d", 10+n)))
		all[n].next(t)
	}
	if f := follow(t, server, "/events", "192.0.2.99"); f.status != http.StatusServiceUnavailable ||
		f.code != "streams_exhausted" {
		t.Errorf("one too many: %d %s", f.status, f.code)
	}
	all[0].close()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if f := follow(t, server, "/events", "192.0.2.99"); f.status == http.StatusOK {
			break
		}
		if time.Now().After(end) {
			t.Fatal("a place that got free is not given again")
		}
	}
}

func TestAdminsStreamsAreBounded(t *testing.T) {
	_, server := streams(t)
	var all []*follower
	for range 21 {
		f := follow(t, server, "/admin/api/events", alice, "X-Admin-Key", adminKey)
		if f.status != http.StatusOK {
			t.Fatal(f.status, f.code)
		}
		all = append(all, f)
	}
	if got := all[0].next(t); got != "replaced" {
		t.Errorf("the first of 21: %q, want it to give way", got)
	}
	for n, f := range all[1:] {
		if len(f.events) > 0 {
			t.Errorf("stream %d gave way too: %s", n+1, <-f.events)
		}
	}
}

// unread is a listener whose connections hold nothing between the two ends.
type unread struct {
	conns chan net.Conn
	ended chan struct{}
}

func (u *unread) Accept() (net.Conn, error) {
	select {
	case c := <-u.conns:
		return c, nil
	case <-u.ended:
		return nil, net.ErrClosed
	}
}
func (u *unread) Close() error   { return nil }
func (u *unread) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

type from struct {
	net.Conn
	closed *atomic.Bool
}

func (f from) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5555} }
func (f from) Close() error {
	f.closed.Store(true)
	return f.Conn.Close()
}

func TestOneWhoDoesNotReadIsDroppedAndHoldsUpNobody(t *testing.T) {
	s, server := streams(t, func(o *api.Options) { o.StreamPatience = 300 * time.Millisecond })
	quick := follow(t, server, "/events", alice)
	quick.next(t)
	listener := &unread{conns: make(chan net.Conn), ended: make(chan struct{})}
	slow := &http.Server{Handler: s.public}
	go slow.Serve(listener)
	t.Cleanup(func() {
		close(listener.ended)
		slow.Close()
	})
	ours, theirs := net.Pipe()
	defer ours.Close()
	var closed atomic.Bool
	listener.conns <- from{theirs, &closed}
	if _, err := fmt.Fprintf(ours, "GET /events HTTP/1.1\r\nHost: whaley.localhost\r\nX-Forwarded-For: %s\r\n\r\n", alice); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s.rules.OwnerChanged(s.ownerOf(alice))
		if got := quick.next(t); got != "instances" {
			t.Fatalf("the stream beside: %q", got)
		}
	}
	for end := time.Now().Add(time.Minute); !closed.Load(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("still open")
		}
	}
}
