package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/whaley-ctf/whaley/shared/turn"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/cheating"
	"github.com/whaley-ctf/whaley/sidecar/internal/connect"
	"github.com/whaley-ctf/whaley/sidecar/internal/event"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/forensics"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/monitor"
	"github.com/whaley-ctf/whaley/sidecar/internal/oidc"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Options are the settings of an API.
type Options struct {
	BaseDomain string
	Dashboard  *url.URL
	TLSPort    int    // where routes of type tcp are reached
	PluginKey  string // of the internal API
	MetricsKey string // of /metrics; empty: there is none
	AdminKey   string // of /admin/api; empty: nobody is an admin by key
	AdapterKey string // of a plugin in CTFd; empty: there is none
	RCTFToken  string // of rCTF; empty: there is none
	AuthMode   string
	CTFdURL    string // where players make access tokens; empty: nowhere
	Trusted    []netip.Prefix
	Proxies    []string              // the same as the plugin has it: Traefik, which it runs in, is not in front of it
	Inside     func(netip.Addr) bool // whether an address is an instance's: what runs in there is no player
	Version    string
	Limits     func() Limits // as they are now; nil: nothing is limited
	Turns      int           // what one address has done at the same time; 0: as turn.New says
	Streams    int           // event streams that may be open altogether; 0: streamsMost
	// StreamPatience is how long the reader of a stream may take for one event; zero: streamPatience.
	StreamPatience time.Duration
}

// Check is one dependency that health tells about.
type Check struct {
	Name string
	Ping func(context.Context) error
	// Optional: without it Whaley goes on, though not with everything.
	Optional bool
}

// Events keeps what happened.
type Events interface {
	Record(ctx context.Context, ev whaley.Event) error
}

// Books are the lists that only organisers read.
type Books interface {
	SettingChanges(ctx context.Context, before string, limit int) ([]whaley.SettingChange, error)
	// Instances is a page of everybody's instances and the cursor of the next.
	Instances(ctx context.Context, q whaley.InstanceQuery) ([]*whaley.Instance, string, error)
	CountInstances(ctx context.Context, q whaley.InstanceQuery) (map[whaley.State]int, error)
	// Lives is when the instances were asked for, ran and ended that lived at some time after since.
	Lives(ctx context.Context, since time.Time) ([]whaley.Life, error)
	Events(ctx context.Context, instance string) ([]whaley.Event, error)
	// Printed is what was kept of an instance that did not start, or ended by itself.
	Printed(ctx context.Context, instance string) ([]whaley.Printed, error)
	// Revisions is a page of a challenge's history, latest first, and the cursor of the next.
	Revisions(ctx context.Context, challenge, after string, limit int) ([]whaley.Revision, string, error)
	// RevisionFiles is what was in a revision, for challenge.Compare; empty if that is not kept.
	RevisionFiles(ctx context.Context, challenge, revision string) (string, error)
	PortMappings(ctx context.Context, owner, challenge, after string, limit int) ([]whaley.PortMapping, string, error)
	ForgetPorts(ctx context.Context, owner, challenge string, ev whaley.Event) (int, error)
	PortUse(ctx context.Context) (whaley.PortUse, error)
}

// Needs is what an API works with.
type Needs struct {
	Instancer  *instancer.Instancer
	Challenges instancer.Challenges
	Library    *challenge.Library
	Keys       identity.Keys
	Tickets    *identity.Tickets
	Players    *identity.Players  // of CTFd; nil: there is none
	Members    *identity.Members  // of a provider of sign-ins; nil: there is none
	Provider   *oidc.Provider     // not nil if Members are not
	Sessions   *identity.Sessions // of browsers
	Limiter    Limiter            // nil: nothing is limited
	Events     Events
	Settings   Settings // nil: there are none
	Flags      *flag.Flags
	Cheating   *cheating.Detector
	Connection *connect.Connection // what is in CTFd; nil: there is none
	Opening    func()              // looks at CTFd's times and visibility anew; nil: they are not followed
	Books      Books
	Containers Containers
	EventLog   EventLog
	EventStats EventStats
	Happening  *event.Log
	Forensics  *forensics.Recorder
	Monitor    *monitor.Monitor
	Tracer     trace.Tracer                                       // nil: there are no traces
	Answered   func(route string, status int, took time.Duration) // told of every answer; nil: nobody is
	Origins    *Origins                                           // nil: nobody looks where players come from
	Checks     []Check
	Pages      http.Handler
	Metrics    http.Handler
	Log        *slog.Logger
}

// API answers players, operators and the plugin.
type API struct {
	Needs
	opts   Options
	viewer func() ([]byte, error) // the description as a page
	admins *identity.Admins
	seats  *seats
	turns  *turn.Turns
	feeds  *feeds
	ctx    context.Context // ends streams and waits when the process does

	unhealthy unhealthy
}

// New makes an API. When ctx ends, so do streams and held requests.
func New(ctx context.Context, needs Needs, opts Options) *API {
	if opts.Limits == nil {
		opts.Limits = func() Limits { return Limits{} }
	}
	if opts.StreamPatience == 0 {
		opts.StreamPatience = streamPatience
	}
	a := &API{
		Needs: needs, opts: opts, viewer: sync.OnceValues(renderDocs), ctx: ctx, seats: newSeats(opts.Streams),
		turns:     turn.New(opts.Turns),
		unhealthy: unhealthy{names: map[string]bool{}},
		admins:    identity.NewAdmins(opts.AdminKey, needs.Players, needs.Sessions),
	}
	a.feeds = newFeeds(ctx, needs.Instancer.Changes, a.encoded)
	return a
}
