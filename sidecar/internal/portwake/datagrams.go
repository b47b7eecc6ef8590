package portwake

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	openEvery   = 30 * time.Second // between two looks at which ports of UDP there are
	pageOfPorts = 500
	mostFlows   = 4096 // senders at once, at all ports
	flowsOfOne  = 64   // ports of one address that datagrams come from, at one port of the host
	looksPer    = 100  // a second: senders that nothing is known of and about whom the database is asked
	largest     = 64 << 10
	room        = 128 // for what the kernel says of a datagram
)

// Mappings list which ports are whose.
type Mappings interface {
	PortMappings(ctx context.Context, owner, challenge, after string, limit int) ([]whaley.PortMapping, string, error)
}

// Datagrams answers datagrams to ports of UDP: a socket is open at each that is an owner's, to which the kernel brings
// what its map leads nowhere. Nothing but the challenge's own datagrams is ever sent.
type Datagrams struct {
	Opener   *Server // knows what a port leads to, and who may start it
	Mappings Mappings
	Also     <-chan struct{} // a port has become somebody's; nil: nobody tells
	Log      *slog.Logger

	mu      sync.Mutex
	sockets map[int]*socket
	flows   int
	second  time.Time // in which looks were counted
	looks   int
}

// socket is that of one port.
type socket struct {
	port  int
	conn  *net.UDPConn
	flows map[netip.AddrPort]*flow // by sender
	by    map[netip.Addr]int
}

// Run answers until ctx ends.
func (d *Datagrams) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d.mu.Lock()
	d.sockets = map[int]*socket{}
	d.mu.Unlock()
	for {
		if err := d.look(ctx, &all); err != nil && ctx.Err() == nil {
			d.Log.Warn("ports of UDP that are new start nothing yet", "err", err)
		}
		select {
		case <-d.Also:
		case <-time.After(openEvery):
		case <-ctx.Done():
			d.mu.Lock()
			defer d.mu.Unlock()
			for _, s := range d.sockets {
				s.conn.Close()
			}
			return nil
		}
	}
}

// look opens a socket at each port of UDP and closes those of others.
func (d *Datagrams) look(ctx context.Context, all *sync.WaitGroup) error {
	wanted, err := d.wanted(ctx)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.sockets, func(port int, s *socket) bool {
		if !wanted[port] {
			s.conn.Close()
		}
		return !wanted[port]
	})
	var failed error
	for _, port := range slices.Sorted(maps.Keys(wanted)) {
		if d.sockets[port] != nil {
			continue
		}
		conn, err := listenAt(port)
		if err != nil { // another program's: the kernel still leads what runs
			failed = err
			continue
		}
		s := &socket{port: port, conn: conn, flows: map[netip.AddrPort]*flow{}, by: map[netip.Addr]int{}}
		d.sockets[port] = s
		all.Go(func() { d.serve(ctx, s, all) })
	}
	return failed
}

// wanted are the ports of UDP that are somebody's.
func (d *Datagrams) wanted(ctx context.Context) (map[int]bool, error) {
	wanted, after := map[int]bool{}, ""
	for {
		page, next, err := d.Mappings.PortMappings(ctx, "", "", after, pageOfPorts)
		if err != nil {
			return nil, err
		}
		for _, m := range page {
			if ch, ok := d.Opener.Challenges.Get(m.Challenge); ok {
				if _, is := routeOf(ch, m.Internal, true); is {
					wanted[m.Port] = true
				}
			}
		}
		if after = next; next == "" {
			return wanted, nil
		}
	}
}

func listenAt(port int) (*net.UDPConn, error) {
	conn, err := net.ListenPacket("udp", ":"+strconv.Itoa(port))
	if err != nil {
		return nil, err
	}
	udp := conn.(*net.UDPConn)
	if err := sayDestination(udp); err != nil {
		return nil, errors.Join(err, udp.Close())
	}
	return udp, nil
}

// serve reads what comes to a port until it is closed.
func (d *Datagrams) serve(ctx context.Context, s *socket, all *sync.WaitGroup) {
	buffer, about := make([]byte, largest), make([]byte, room)
	for {
		n, known, _, from, err := s.conn.ReadMsgUDPAddrPort(buffer, about)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			continue // about a datagram of before: its sender has gone
		}
		f, fresh := d.flowOf(s, from, about[:known])
		if f == nil {
			continue
		}
		if fresh {
			all.Go(func() {
				defer d.drop(s, f)
				f.run(ctx, d, s)
			})
		}
		f.take(buffer[:n])
	}
}

// flowOf is that of a sender; nil: there is no room for more.
func (d *Datagrams) flowOf(s *socket, from netip.AddrPort, about []byte) (f *flow, fresh bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := s.flows[from]; f != nil {
		return f, false
	}
	address := from.Addr().Unmap()
	now := time.Now()
	if now.Sub(d.second) >= time.Second {
		d.second, d.looks = now, 0
	}
	if d.flows >= mostFlows || s.by[address] >= flowsOfOne || d.looks >= looksPer {
		return nil, false
	}
	d.looks++
	d.flows++
	s.by[address]++
	f = &flow{from: from, about: slices.Clone(about)}
	s.flows[from] = f
	return f, true
}

func (d *Datagrams) drop(s *socket, f *flow) {
	d.mu.Lock()
	defer d.mu.Unlock()
	address := f.from.Addr().Unmap()
	delete(s.flows, f.from)
	d.flows--
	if s.by[address]--; s.by[address] == 0 {
		delete(s.by, address)
	}
}
