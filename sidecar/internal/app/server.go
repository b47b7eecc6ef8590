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

// listeners are where this process is reached.
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

// openAPI opens those of the API.
func (l *listeners) openAPI(c *config.Config, log *slog.Logger) error {
	most, err := listen.Divide()
	if err != nil {
		return fmt.Errorf("how many files may be open: %w", err)
	}
	return l.openAll(c, log, []listening{
		{
			c.Listen,
			listen.Options{Name: "LISTEN", Most: most.Public, PerAddress: c.AddressConnections, Turns: turn.New(c.AddressTurns)},
			&l.public,
		},
		{c.InternalListen, listen.Options{Name: "INTERNAL_LISTEN", Most: most.Internal}, &l.internal},
	})
}

// openEdge opens those of the embedded edge, or the one by which Traefik wakes what is asked for by TLS.
func (l *listeners) openEdge(c *config.Config, log *slog.Logger) error {
	most, err := listen.Divide()
	if err != nil {
		return fmt.Errorf("how many files may be open: %w", err)
	}
	if c.Edge != "embedded" && c.WakeListen == "" {
		return nil
	}
	if c.Edge != "embedded" {
		return l.openAll(c, log, []listening{
			{
				c.WakeListen,
				listen.Options{Name: "WAKE_LISTEN", Most: most.TLS, PerAddress: c.AddressConnections, Hello: edge.HelloTimeout},
				&l.wake,
			},
		})
	}
	return l.openAll(c, log, []listening{
		{
			c.EdgeListen,
			listen.Options{
				Name: "EDGE_LISTEN", Most: most.Web, PerAddress: c.AddressConnections, Turns: turn.New(c.AddressTurns),
			},
			&l.web,
		},
		{
			c.EdgeTLSListen,
			listen.Options{Name: "EDGE_TLS_LISTEN", Most: most.TLS, PerAddress: c.AddressConnections, Hello: edge.HelloTimeout},
			&l.tls,
		},
	})
}

func (l *listeners) openAll(c *config.Config, log *slog.Logger, wanted []listening) (err error) {
	for _, want := range wanted {
		want.opts.ForMany, want.opts.Log = c.Trusted, log
		if want.into == &l.internal || want.into == &l.wake {
			want.opts.ForMany = append(slices.Clip(c.Trusted), here...) // Traefik and the plugin in it ask for all players
		}
		if *want.into, err = listen.Open(want.address, want.opts); err != nil {
			return err
		}
	}
	return nil
}

// open are those that this process has.
func (l *listeners) open() []*listen.Listener {
	return slices.DeleteFunc(
		[]*listen.Listener{l.public, l.internal, l.web, l.tls, l.wake}, func(one *listen.Listener) bool { return one == nil },
	)
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
