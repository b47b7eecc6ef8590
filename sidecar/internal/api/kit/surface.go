// Package kit is what all audiences of the API have in common: who asks and how often they may, bodies and answers,
// pages, tables, streams and problems.
package kit

import (
	"context"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/whaley-ctf/whaley/shared/turn"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Options are the settings of an API.
type Options struct {
	BaseDomain string
	Dashboard  *url.URL
	TLSPort    int    // where routes of type tcp are reached
	TLSWakes   bool   // whether connecting to these starts what sleeps there
	PortsWake  bool   // whether connecting to a port of the host does
	PluginKey  string // of the internal API
	MetricsKey string // of /metrics; empty: there is none
	AdminKey   string // of /admin/api; empty: no organiser signs in by key
	AdapterKey string // of a plugin in CTFd; empty: there is none
	RCTFToken  string // of rCTF; empty: there is none
	AuthMode   string
	CTFdURL    string // where players make access tokens; empty: nowhere
	Trusted    []netip.Prefix
	Proxies    []string              // the same as the plugin has it: Traefik, which it runs in, is not in front of it
	Inside     func(netip.Addr) bool // whether an address is an instance's: what runs in there is no player
	Version    string
	CTFdRole   func() whaley.Role // what role CTFd's admins have now, empty: none; nil: admin
	Limits     func() Limits      // as they are now; nil: nothing is limited
	Turns      int                // what one address has done at the same time; 0: as turn.New says
	Streams    int                // event streams that may be open altogether; 0: streamsMost
	// StreamPatience is how long the reader of a stream may take for one event; zero: streamPatience.
	StreamPatience time.Duration
	// StreamAlive is how often a stream shows that it lives, at the least; zero: keepAlive.
	StreamAlive time.Duration
	// ShellIdle is how long a shell may be open without anything being typed; zero: 15 minutes.
	ShellIdle time.Duration
}

// Surface is what all audiences have in common: what is worked with, who asks, and how often they may.
type Surface struct {
	Needs
	Opts   Options
	Admins *identity.Admins
	Seats  *seats
	Turns  *turn.Turns
	// ShellCount is how many shells are open.
	ShellCount atomic.Int64
	heard      atomic.Int64    // when the plugin in CTFd asked for something, Unix seconds
	Ctx        context.Context // ends streams and waits when the process does
}

const shellIdle = 15 * time.Minute

// NewSurface makes a Surface. When ctx ends, so do streams and held requests.
func NewSurface(ctx context.Context, needs Needs, opts Options) *Surface {
	if opts.Limits == nil {
		opts.Limits = func() Limits { return Limits{} }
	}
	if opts.StreamPatience == 0 {
		opts.StreamPatience = StreamPatience
	}
	if opts.StreamAlive == 0 {
		opts.StreamAlive = keepAlive
	}
	if opts.ShellIdle == 0 {
		opts.ShellIdle = shellIdle
	}
	admins := identity.NewAdmins(opts.AdminKey, needs.Players, needs.Sessions)
	if needs.Organisers != nil {
		admins.UseKeys(needs.Organisers)
	}
	admins.UseCTFdRole(opts.CTFdRole)
	return &Surface{
		Needs: needs, Opts: opts, Ctx: ctx, Seats: newSeats(opts.Streams), Turns: turn.New(opts.Turns),
		Admins: admins,
	}
}
