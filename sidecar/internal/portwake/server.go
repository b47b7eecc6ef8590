package portwake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/inetaf/tcpproxy"

	"github.com/whaley-ctf/whaley/shared/turn"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	hold        = 45 * time.Second // of a connection, until what it starts runs
	dialTimeout = 3 * time.Second
	lookTime    = 10 * time.Second // for what is asked of the database
	lineTime    = 2 * time.Second  // for a refusal to be sent
)

// Rules start instances and know where their routes lead.
type Rules interface {
	Host(challenge string, r whaley.Route, owner string) string
	Resolve(ctx context.Context, q whaley.HostQuery) (whaley.HostView, error)
	Wake(ctx context.Context, q whaley.HostQuery) (whaley.HostView, error)
	Published(in *whaley.Instance, name string) (whaley.Publication, bool)
}

// Challenges are those that are loaded.
type Challenges interface {
	Get(id string) (*whaley.Challenge, bool)
}

// Book says whose a port is.
type Book interface {
	PortHolder(ctx context.Context, port int) (whaley.PortMapping, bool, error)
}

// Owners know who may start something by connecting.
type Owners interface {
	// At is a player of an owner who is known to be at an address; false: there is none.
	At(ctx context.Context, owner string, from netip.Addr) (whaley.Player, bool)
}

// Server answers connections. Its fields do not change once it runs.
type Server struct {
	Listener   net.Listener
	Meant      func(net.Conn) (netip.AddrPort, error) // where a connection was meant to go
	Book       Book
	Rules      Rules
	Challenges Challenges
	Owners     Owners
	Turns      *turn.Turns
	Most       int    // connections of one port at once; 0: any number. An address may have as many as it leaves to others
	Dashboard  string // its address, for people
	Log        *slog.Logger

	mu    sync.Mutex
	ports map[int]*held
}

// Run answers connections until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	s.ports = map[int]*held{}
	stop := context.AfterFunc(ctx, func() { s.Listener.Close() })
	defer stop()
	var all sync.WaitGroup
	defer all.Wait()
	for {
		conn, err := s.Listener.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept connections to ports of what sleeps: %w", err)
		}
		all.Go(func() {
			defer conn.Close()
			end := context.AfterFunc(ctx, func() { conn.Close() })
			defer end()
			s.serve(ctx, conn)
		})
	}
}

// refusal is why a connection does not become the challenge's, in one line for who connects.
type refusal struct{ line string }

func (r refusal) Error() string { return r.line }

// errNobodys is a port that is nobody's: who connects there is told nothing.
var errNobodys = errors.New("the port is nobody's")

func (s *Server) serve(ctx context.Context, conn net.Conn) {
	to, err := s.Meant(conn)
	from := turn.Of(addressOf(conn))
	if err != nil || !s.enter(int(to.Port()), from) {
		return
	}
	defer s.leave(int(to.Port()), from)
	backend, err := s.open(ctx, addressOf(conn), int(to.Port()), false)
	var refused refusal
	switch {
	case errors.As(err, &refused):
		_ = conn.SetWriteDeadline(time.Now().Add(lineTime))
		_, _ = io.WriteString(conn, refused.line+"\n") // who does not read it has left
	case err != nil:
		s.Log.DebugContext(ctx, "a connection to a port led nowhere", "port", to.Port(), "err", err)
	default:
		onward := &tcpproxy.DialProxy{Addr: backend, DialTimeout: dialTimeout, OnDialError: func(src net.Conn, err error) {
			src.Close()
			s.Log.DebugContext(ctx, "an instance could not be reached by its port", "port", to.Port(), "err", err)
		}}
		onward.HandleConn(conn)
	}
}

// open is where a connection to a port leads, or a datagram, once that runs.
func (s *Server) open(ctx context.Context, from netip.Addr, port int, udp bool) (backend string, err error) {
	ctx, cancel := context.WithTimeout(ctx, hold)
	defer cancel()
	end, err := s.Turns.Take(ctx, turn.Of(from))
	if err != nil {
		return "", err
	}
	defer end() // it ends by itself where a start takes its time
	look, done := context.WithTimeout(ctx, lookTime)
	defer done()
	t, err := s.find(look, port, udp)
	if err != nil {
		return "", err
	}
	view, err := s.Rules.Resolve(look, t.query) // what runs is for whoever connects, as by the kernel's map
	if err == nil && view.State != whaley.Running {
		view, err = s.wake(ctx, t.ch, t.owner, t.query, from)
	}
	if err != nil {
		return "", err
	}
	p, ok := s.Rules.Published(view.Instance, t.query.Host)
	if !ok {
		return "", errNobodys
	}
	return p.Backend, nil
}

// target is what a port stands for.
type target struct {
	ch    *whaley.Challenge
	owner string
	query whaley.HostQuery
}

func (s *Server) find(ctx context.Context, port int, udp bool) (target, error) {
	holder, ok, err := s.Book.PortHolder(ctx, port)
	if err != nil {
		return target{}, err
	}
	ch, loaded := s.Challenges.Get(holder.Challenge)
	if !ok || !loaded {
		return target{}, errNobodys
	}
	route, ok := routeOf(ch, holder.Internal, udp)
	if !ok {
		return target{}, errNobodys
	}
	return target{ch, holder.Owner, whaley.HostQuery{Host: s.Rules.Host(ch.ID, route, holder.Owner)}}, nil
}

// leads says whether a port of UDP leads to a service now.
func (s *Server) leads(ctx context.Context, port int, backend string) bool {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	t, err := s.find(ctx, port, true)
	if err != nil {
		return false
	}
	view, err := s.Rules.Resolve(ctx, t.query)
	if err != nil || view.State != whaley.Running || view.Instance == nil {
		return false
	}
	p, ok := s.Rules.Published(view.Instance, t.query.Host)
	return ok && p.Backend == backend
}

// wake starts what sleeps for who is known to be its owner, and returns its view once it runs.
func (s *Server) wake(
	ctx context.Context, ch *whaley.Challenge, owner string, query whaley.HostQuery, from netip.Addr,
) (whaley.HostView, error) {
	if !ch.Wake || ch.Access != whaley.AccessLink {
		return whaley.HostView{}, refusal{fmt.Sprintf("This challenge is asleep. Start it at %s, then connect again.", s.Dashboard)}
	}
	var known bool
	if query.Player, known = s.Owners.At(ctx, owner, from); !known {
		return whaley.HostView{}, refusal{fmt.Sprintf(
			"This challenge is asleep. Start it at %s, or sign in there from the address that you connect from, then connect again.",
			s.Dashboard,
		)}
	}
	query.Player.Address = from.String()
	view, err := s.Rules.Wake(ctx, query)
	switch {
	case err != nil:
		return view, err
	case view.State == whaley.Running && view.Instance != nil: // its problem is that it is no web page
		return view, nil
	case view.Problem != nil:
		return view, refusal{view.Problem.Detail}
	default:
		return view, refusal{"The challenge is still starting. Connect again in a moment."}
	}
}

// routeOf is the route of a challenge that has a port of the host.
func routeOf(ch *whaley.Challenge, internal int, udp bool) (whaley.Route, bool) {
	for _, r := range ch.Routes {
		if r.Type == whaley.RoutePort && r.UDP == udp && r.Port == internal {
			return r, true
		}
	}
	return whaley.Route{}, false
}

func addressOf(conn net.Conn) netip.Addr {
	at, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}
