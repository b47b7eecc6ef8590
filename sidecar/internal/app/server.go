package app

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"

	"github.com/whaley-ctf/whaley/shared/turn"
	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/edge"
	"github.com/whaley-ctf/whaley/sidecar/internal/listen"
)

// listeners are opened before anything else: a port that is taken is better known at once.
type listeners struct {
	public, internal, web, tls, wake *listen.Listener
}

// listening is a listener that is wanted.
type listening struct {
	address string
	opts    listen.Options
	into    **listen.Listener
}

// here is this machine.
var here = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func openListeners(c *config.Config, log *slog.Logger) (*listeners, error) {
	most, err := listen.Divide()
	if err != nil {
		return nil, fmt.Errorf("how many files may be open: %w", err)
	}
	l := &listeners{}
	wanted := []listening{
		{c.Listen, listen.Options{Name: "LISTEN", Most: most.Public, PerAddress: c.AddressConnections, Turns: turn.New(c.AddressTurns)}, &l.public},
		{c.InternalListen, listen.Options{Name: "INTERNAL_LISTEN", Most: most.Internal}, &l.internal},
		{c.EdgeListen, listen.Options{Name: "EDGE_LISTEN", Most: most.Web, PerAddress: c.AddressConnections, Turns: turn.New(c.AddressTurns)}, &l.web},
		{c.EdgeTLSListen, listen.Options{Name: "EDGE_TLS_LISTEN", Most: most.TLS, PerAddress: c.AddressConnections, Hello: edge.HelloTimeout}, &l.tls},
	}
	if c.Edge != "embedded" {
		wanted = wanted[:2]
		if c.WakeListen != "" {
			wanted = append(wanted, listening{c.WakeListen, listen.Options{Name: "WAKE_LISTEN", Most: most.TLS, PerAddress: c.AddressConnections, Hello: edge.HelloTimeout}, &l.wake})
		}
	}
	for _, want := range wanted {
		want.opts.ForMany, want.opts.Log = c.Trusted, log
		if want.into == &l.internal || want.into == &l.wake {
			want.opts.ForMany = append(slices.Clip(c.Trusted), here...) // Traefik and the plugin in it ask for all players
		}
		if *want.into, err = listen.Open(want.address, want.opts); err != nil {
			l.close()
			return nil, err
		}
	}
	return l, nil
}

// open are those that this process has.
func (l *listeners) open() []*listen.Listener {
	return slices.DeleteFunc([]*listen.Listener{l.public, l.internal, l.web, l.tls, l.wake}, func(one *listen.Listener) bool { return one == nil })
}

// addresses are where this process listens.
func (l *listeners) addresses() []net.Addr {
	var all []net.Addr
	for _, listener := range l.open() {
		all = append(all, listener.Addr())
	}
	return all
}

// checks say of each listener whether it accepts connections.
func (l *listeners) checks() []api.Check {
	var all []api.Check
	for _, listener := range l.open() {
		all = append(all, api.Check{Name: listener.Name(), Ping: listener.Check})
	}
	return all
}

func (l *listeners) close() {
	for _, listener := range l.open() {
		listener.Close()
	}
}

// ownNames are what LISTEN may be asked under, besides the dashboard's name.
func ownNames(c *config.Config) []string {
	names := slices.Clone(c.ListenHosts)
	if name, _, err := net.SplitHostPort(c.Listen); err == nil && name != "" {
		names = append(names, name)
	}
	if name, err := os.Hostname(); err == nil {
		names = append(names, name)
	}
	return names
}

// loopback is how this machine reaches a listener of its own.
func loopback(a net.Addr) string { return dialled(a.String()) }

// dialled is how this machine reaches what listens at an address.
func dialled(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address
}

func newLog(c *config.Config, level *slog.LevelVar) *slog.Logger {
	logLevel(c, level)
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(about{slog.NewJSONHandler(os.Stderr, options)})
	}
	return slog.New(about{slog.NewTextHandler(os.Stderr, options)})
}
