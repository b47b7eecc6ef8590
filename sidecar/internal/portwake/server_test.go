package portwake_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/whaley-ctf/whaley/shared/turn"
	"github.com/whaley-ctf/whaley/sidecar/internal/portwake"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	own       = 30001 // the team's, of each kind of challenge
	guarded   = 30002
	manual    = 30003
	datagrams = 30004
	gone      = 30005 // of a challenge that is not loaded
)

type book map[int]whaley.PortMapping

func (b book) PortHolder(_ context.Context, port int) (whaley.PortMapping, bool, error) {
	m, ok := b[port]
	return m, ok, nil
}

var ports = book{
	own:       {Owner: "team_1", Challenge: "pwn", Internal: 9000},
	guarded:   {Owner: "team_1", Challenge: "guarded", Internal: 9000},
	manual:    {Owner: "team_1", Challenge: "manual", Internal: 9000},
	datagrams: {Owner: "team_1", Challenge: "pwn", Internal: 53},
	gone:      {Owner: "team_1", Challenge: "gone", Internal: 9000},
}

type challenges struct{}

func (challenges) Get(id string) (*whaley.Challenge, bool) {
	routes := []whaley.Route{{Type: whaley.RoutePort, Port: 9000}, {Name: "u", Type: whaley.RoutePort, Port: 53, UDP: true}}
	ch, ok := map[string]*whaley.Challenge{
		"pwn":     {ID: "pwn", Wake: true, Access: whaley.AccessLink, Routes: routes},
		"guarded": {ID: "guarded", Wake: true, Access: whaley.AccessOwner, Routes: routes},
		"manual":  {ID: "manual", Access: whaley.AccessLink, Routes: routes},
	}[id]
	return ch, ok
}

// rules hold one instance of anything, which runs or does so once it is woken, and then leads to a service.
type rules struct {
	backend string
	refuse  *whaley.Error

	mu    sync.Mutex
	runs  bool
	woken []whaley.HostQuery
}

func (r *rules) Host(challenge string, _ whaley.Route, owner string) string {
	return challenge + "." + owner
}

func (r *rules) view() whaley.HostView {
	if !r.runs {
		return whaley.HostView{State: whaley.Unknown, Problem: r.refuse}
	}
	notWeb := whaley.Errorf(whaley.NotFound, "route_not_http", "This address is not a web page.")
	return whaley.HostView{State: whaley.Running, Instance: &whaley.Instance{}, Problem: notWeb}
}

func (r *rules) Resolve(context.Context, whaley.HostQuery) (whaley.HostView, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.view(), nil
}

func (r *rules) Wake(_ context.Context, q whaley.HostQuery) (whaley.HostView, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.woken = append(r.woken, q)
	r.runs = r.refuse == nil
	return r.view(), nil
}

func (r *rules) Published(*whaley.Instance, string) (whaley.Publication, bool) {
	return whaley.Publication{Backend: r.backend}, true
}

// teamAtHome is the one team, at the address that tests connect from, or nobody.
type teamAtHome bool

func (home teamAtHome) At(_ context.Context, owner string, from netip.Addr) (whaley.Player, bool) {
	ok := bool(home) && owner == "team_1" && from == netip.MustParseAddr("127.0.0.1")
	return whaley.Player{ID: "user_1", Owner: whaley.Owner{ID: owner}}, ok
}

func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// echo answers with its banner and what it was sent.
func echo(t *testing.T) string {
	return testkit.Serve(t, "tcp", "127.0.0.1:0", func(conn net.Conn) {
		_, _ = io.WriteString(conn, "banner ")
		_, _ = io.Copy(conn, conn)
	}).String()
}

// talk connects to a port of the server, says something, and returns all that is answered.
func talk(t *testing.T, s *portwake.Server, port int) string {
	t.Helper()
	l := listener(t)
	s.Listener, s.Book, s.Challenges, s.Turns = l, ports, challenges{}, turn.New(0)
	s.Meant = func(net.Conn) (netip.AddrPort, error) {
		return netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(port)), nil
	}
	s.Dashboard, s.Log = "https://ctf.example", slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "hello")
	_ = conn.(*net.TCPConn).CloseWrite()
	text, _ := io.ReadAll(conn)
	return string(text)
}

func TestAConnectionStartsOnlyWhatItsOwnerMayStartThatWay(t *testing.T) {
	challenge := "banner hello"
	for what, c := range map[string]struct {
		port         int
		runs, home   bool
		refuse       *whaley.Error
		want         string // begins what is answered
		wakes, quiet bool
	}{
		"asleep, its owner":         {port: own, home: true, want: challenge, wakes: true},
		"asleep, a stranger":        {port: own, want: "This challenge is asleep. Start it at https://ctf.example, or sign in"},
		"running, anybody":          {port: own, runs: true, want: challenge},
		"access owner, asleep":      {port: guarded, home: true, want: "This challenge is asleep. Start it at https://ctf.example, then"},
		"access owner, running":     {port: guarded, runs: true, want: challenge},
		"wake = false":              {port: manual, home: true, want: "This challenge is asleep. Start it at https://ctf.example, then"},
		"quota used up":             {port: own, home: true, refuse: whaley.Errorf(whaley.Exhausted, "q", "Stop one."), want: "Stop one.\n", wakes: true},
		"nobody's port":             {port: 31000, home: true, quiet: true},
		"a route of UDP":            {port: datagrams, home: true, quiet: true},
		"a challenge that was gone": {port: gone, home: true, quiet: true},
	} {
		r := &rules{backend: echo(t), runs: c.runs, refuse: c.refuse}
		got := talk(t, &portwake.Server{Rules: r, Owners: teamAtHome(c.home)}, c.port)
		if !strings.HasPrefix(got, c.want) || c.quiet && got != "" || (len(r.woken) > 0) != c.wakes {
			t.Errorf("%s: answered %q, want %q; woken %v", what, got, c.want, r.woken)
		}
		if strings.Count(got, "\n") > 1 {
			t.Errorf("%s: more than one line: %q", what, got)
		}
		if c.wakes && (r.woken[0].Host != "pwn.team_1" || r.woken[0].Player.Owner.ID != "team_1" || r.woken[0].Player.Address != "127.0.0.1") {
			t.Errorf("%s: woken as %+v", what, r.woken[0])
		}
	}
}

// desk is one who signed in at 192.0.2.7 and may have lost the right to play since.
type desk struct{ out bool }

func (d desk) SignedIn(_ context.Context, owner string) ([]whaley.Session, error) {
	if owner != "team_1" {
		return nil, nil
	}
	return []whaley.Session{{ID: "s1", Player: whaley.Player{ID: "user_1", Address: "192.0.2.7"}}}, nil
}

func (d desk) Holder(_ context.Context, player, owner, _ string) (whaley.Player, bool, error) {
	return whaley.Player{ID: player, Owner: whaley.Owner{ID: owner}}, !d.out, nil
}

func TestAnOwnerIsKnownWhereTheySignedInAndWherePlayedSince(t *testing.T) {
	places := portwake.NewPlaces()
	places.Note("s1", netip.MustParseAddr("2001:db8::7"))
	places.Note("s2", netip.MustParseAddr("192.0.2.9"))
	places.Note("", netip.MustParseAddr("192.0.2.10"))
	for from, want := range map[string]bool{
		"192.0.2.7": true, "2001:db8::ffff": true, "2001:db8:1::7": false,
		"192.0.2.8": false, "192.0.2.9": false, "192.0.2.10": false,
	} {
		for _, out := range []bool{false, true} {
			by := portwake.BySession{Sessions: desk{out}, Players: desk{out}, Seen: places}
			p, ok := by.At(t.Context(), "team_1", netip.MustParseAddr(from))
			if ok != (want && !out) || ok && p.Owner.ID != "team_1" {
				t.Errorf("%s, banned %t: %t %+v", from, out, ok, p)
			}
			if _, ok := by.At(t.Context(), "team_2", netip.MustParseAddr(from)); ok {
				t.Errorf("%s is team_2", from)
			}
		}
	}
}

func TestWhereSomebodyPlayedTakesBoundedRoomAndOnlyTheirOwn(t *testing.T) {
	places, first := portwake.NewPlaces(), netip.MustParseAddr("192.0.2.7")
	at := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}) }
	places.Note("s1", first)
	for n := range 1000 {
		places.Note("flood", at(n))
		places.Note("two", at(n%2))
	}
	if n := places.Room(); n > 1+portwake.MostFrom+2 {
		t.Errorf("%d places of three sign-ins", n)
	}
	if !places.From("s1", first) || !places.From("two", at(0)) || !places.From("flood", at(999)) || places.From("flood", at(0)) {
		t.Error("one who comes from everywhere has others forgotten")
	}
	for n := range 2 * portwake.MostSeen {
		places.Note(fmt.Sprint(n), first)
	}
	if n := places.Room(); n > portwake.MostSeen {
		t.Errorf("%d places", n)
	}
	if places.From("s1", first) {
		t.Error("the oldest is not forgotten")
	}
}

// slow are rules that answer nobody before they are told to.
type slow struct {
	*rules
	asked, answer chan struct{}
}

func (s slow) Resolve(ctx context.Context, q whaley.HostQuery) (whaley.HostView, error) {
	s.asked <- struct{}{}
	select {
	case <-s.answer:
	case <-ctx.Done():
	}
	return s.rules.Resolve(ctx, q)
}

// TestWhoFloodsAPortLeavesRoomForItsOwner has one address hold as many connections to an owner's port as it gets.
// Another address still gets one of its own.
func TestWhoFloodsAPortLeavesRoomForItsOwner(t *testing.T) {
	const most = 8
	r := slow{&rules{backend: echo(t), runs: true}, make(chan struct{}, 2*most), make(chan struct{})}
	l := listener(t)
	s := &portwake.Server{
		Listener: l, Book: ports, Challenges: challenges{}, Rules: r, Owners: teamAtHome(true), Turns: turn.New(2 * most),
		Most: most, Log: slog.New(slog.DiscardHandler), Meant: func(net.Conn) (netip.AddrPort, error) {
			return netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), own), nil
		},
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	dial := func(from string) net.Conn {
		conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	refused := make(chan error, 2*most)
	for range 2 * most {
		conn := dial("127.0.0.2")
		go func() {
			_, err := conn.Read(make([]byte, 1))
			refused <- err
		}()
	}
	for range most / 2 {
		<-r.asked
	}
	for range 2*most - most/2 {
		if err := <-refused; err == nil {
			t.Error("more than half of a port's connections are one address's")
		}
	}
	mine := dial("127.0.0.1")
	<-r.asked
	close(r.answer)
	got := make([]byte, len("banner"))
	if _, err := io.ReadFull(mine, got); err != nil || string(got) != "banner" {
		t.Errorf("%q %v", got, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
