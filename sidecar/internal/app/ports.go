package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/whaley-ctf/whaley/shared/turn"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/listen"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/portmap"
	"github.com/whaley-ctf/whaley/sidecar/internal/portwake"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
)

// ports are how connections to ports of the host reach instances.
type ports struct {
	table    *portmap.Table // nil: the engine publishes them
	why      error          // it publishes them though the settings do not say so; nil: no such reason
	listener *listen.Listener
	also     chan struct{} // is sent to when a port becomes somebody's, for those of UDP
	log      *slog.Logger
}

// newPorts sets the map of ports, if this host has what it takes. Else the engine publishes them, and everybody is
// told.
func newPorts(c *config.Config, engineHost, deployment string, log *slog.Logger) *ports {
	p := &ports{also: make(chan struct{}, 1), log: log}
	if err := PortsPublished(c, engineHost); err != nil {
		log.Info("ports of instances are published by the engine", "reason", err)
		return p
	}
	p.table, p.listener, p.why = mapPorts(c, deployment, log)
	if p.why != nil {
		log.Warn("ports of instances are published by the engine, and connecting to one starts nothing", "reason", p.why)
	}
	return p
}

func mapPorts(c *config.Config, deployment string, log *slog.Logger) (*portmap.Table, *listen.Listener, error) {
	listener, err := listenForPorts(c, log)
	if err != nil {
		return nil, nil, err
	}
	table := portmap.New(docker.BridgePrefix(deployment), log)
	if err := table.Put(listener.Addr().(*net.TCPAddr).Port); err != nil {
		listener.Close()
		return nil, nil, err
	}
	return table, listener, nil
}

// PortsPublished says why ports are left to the engine by the settings; nil: they are not.
func PortsPublished(c *config.Config, engineHost string) error {
	switch {
	case c.PortMap == "off":
		return errors.New("PORT_MAP=off")
	case c.BackendHost != "":
		return errors.New("BACKEND_HOST is set: instances are reached by published ports only")
	case engineHost != "" && !strings.HasPrefix(engineHost, "unix://"):
		return fmt.Errorf("DOCKER_HOST=%s is not on this machine", engineHost)
	}
	return nil
}

// roomy is how many ports a range has at least of which one may be the listener's.
const roomy = 100

// listenForPorts listens at the last free port of the range, which a firewall of the host lets through if it does the
// instances', or at any if the range is small.
func listenForPorts(c *config.Config, log *slog.Logger) (*listen.Listener, error) {
	most, err := listen.Divide()
	if err != nil {
		return nil, fmt.Errorf("how many files may be open: %w", err)
	}
	opts := listen.Options{
		Name: "PORT_RANGE_END", Most: most.TLS, PerAddress: c.AddressConnections, ForMany: c.Trusted, Log: log,
	}
	for port := c.PortRangeEnd; c.PortRangeEnd-c.PortRangeStart >= roomy && port > c.PortRangeEnd-roomy/2; port-- {
		if l, err := listen.Open(":"+strconv.Itoa(port), opts); err == nil {
			return l, nil
		}
	}
	return listen.Open(":0", opts)
}

// forPlatform is the map for the platform; nil: the engine publishes.
func (p *ports) forPlatform() containers.PortMap {
	if p.table == nil {
		return nil
	}
	return p.table
}

// ping is what health says of it.
func (p *ports) ping(context.Context) error {
	if p.why != nil {
		return fmt.Errorf("published by the engine, and connecting to one starts nothing: %w", p.why)
	}
	if p.table == nil {
		return nil
	}
	return p.table.State()
}

// known is told of each port that becomes somebody's.
func (p *ports) known(port int) {
	p.table.KnowAlso(port)
	select {
	case p.also <- struct{}{}:
	default: // they are about to look
	}
}

// know keeps the table told of all ports that owners have.
func (p *ports) know(ctx context.Context, db *store.Store) error {
	if p.table == nil {
		return nil
	}
	const knowEvery = 30 * time.Second
	for {
		all, err := db.BookedPorts(ctx)
		if err == nil {
			p.table.Know(all)
		} else if ctx.Err() == nil {
			p.log.Error("list booked ports failed", "err", err)
		}
		select {
		case <-time.After(knowEvery):
		case <-ctx.Done():
			return nil
		}
	}
}

// run keeps the table as it should be.
func (p *ports) run(ctx context.Context) error {
	if p.table == nil {
		return nil
	}
	return p.table.Run(ctx)
}

// end takes the table away when nothing lives that it leads to.
func (p *ports) end(db *store.Store) {
	ctx, cancel := context.WithTimeout(context.Background(), wallTimeout)
	defer cancel()
	live, err := db.Live(ctx, "")
	if p == nil || p.table == nil || err != nil || len(live) > 0 {
		return
	}
	if err := p.table.Remove(); err != nil {
		p.log.Debug("the map of ports is not taken away", "err", err)
	}
}

// openPorts answers what the kernel does not lead to an instance.
func (s *server) openPorts(ctx context.Context) error {
	listener, where := net.Listener(s.ports.listener), meant
	switch {
	case s.cluster != nil:
		most, err := listen.Divide()
		if err != nil {
			return fmt.Errorf("how many files may be open: %w", err)
		}
		where = arrived
		listener = listen.Around(s.cluster.lanes, listen.Options{
			Name: "PORT_RANGE_END", Most: most.TLS, PerAddress: s.c.AddressConnections, ForMany: s.c.Trusted, Log: s.log,
		})
	case s.ports.table == nil:
		return nil
	}
	server := &portwake.Server{
		Listener: listener, Meant: where, Book: s.db, Rules: s.rules.instancer, Challenges: s.library,
		Owners: s.portOwners(), Turns: turn.New(s.c.AddressTurns), Most: s.c.ContainerMaxConnections,
		Dashboard: s.c.DashboardURL, Log: s.log,
	}
	s.Go(func() error { return server.Run(ctx) })
	s.Go(func() error { return s.ports.know(ctx, s.db) }) // with a table
	if s.ports.table != nil {
		datagrams := &portwake.Datagrams{Opener: server, Mappings: s.db, Also: s.ports.also, Log: s.log}
		s.Go(func() error { return datagrams.Run(ctx) })
	}
	return nil
}

// portOwners know who may start something by connecting to a port.
func (s *server) portOwners() portwake.Owners {
	if s.auth.players == nil {
		return portwake.ByAddress(s.byAddress)
	}
	return portwake.BySession{Sessions: s.db, Players: s.auth.players, Seen: s.places}
}

// meant is where a connection was meant to go before the kernel led it here.
func meant(conn net.Conn) (netip.AddrPort, error) {
	if counted, ok := conn.(*listen.Conn); ok {
		conn = counted.Conn
	}
	raw, ok := conn.(syscall.Conn)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("a connection of type %T has no socket", conn)
	}
	return portmap.Meant(raw, conn.RemoteAddr())
}
