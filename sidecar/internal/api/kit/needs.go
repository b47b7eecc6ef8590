package kit

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/cheating"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/connect"
	"github.com/whaley-ctf/whaley/sidecar/internal/event"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/forensics"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/monitor"
	"github.com/whaley-ctf/whaley/sidecar/internal/oidc"
	"github.com/whaley-ctf/whaley/sidecar/internal/rehearsal"
	"github.com/whaley-ctf/whaley/sidecar/internal/solver"
	"github.com/whaley-ctf/whaley/sidecar/internal/trial"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
	"go.opentelemetry.io/otel/trace"
)

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

// AdminQueries are the lists that only organisers read.
type AdminQueries interface {
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
	ForgetPorts(ctx context.Context, owner, challenge string) (int, error)
	PortUse(ctx context.Context) (whaley.PortUse, error)
	// LiveRows is what players have that lives.
	LiveRows(ctx context.Context) ([]whaley.LiveRow, error)
	// Owners are those who have had an instance, the latest first; text is part of a name or id.
	Owners(ctx context.Context, text string, limit int) ([]whaley.OwnerSummary, error)
	Solves(ctx context.Context, owner string) ([]whaley.Solve, error)
	Mappings(ctx context.Context) ([]*whaley.Mapping, error)
}

// Needs is what an API works with.
type Needs struct {
	Instancer    *instancer.Instancer
	Challenges   instancer.Challenges
	Library      *challenge.Library
	Keys         identity.Keys
	Tickets      *identity.Tickets
	Players      *identity.Players  // of CTFd; nil: there is none
	Members      *identity.Members  // of a provider of sign-ins; nil: there is none
	Provider     *oidc.Provider     // not nil if Members are not
	Sessions     *identity.Sessions // of browsers
	Shells       instancer.Shells   // nil: there are none
	Organisers   Organisers         // keys of named ones; nil: there are none
	Limiter      Limiter            // nil: nothing is limited
	Events       Events
	Settings     Settings // nil: there are none
	Flags        *flag.Flags
	Cheating     *cheating.Detector
	Connection   *connect.Connection // what is in CTFd; nil: there is none
	Opening      func()              // looks at CTFd's times and visibility anew; nil: they are not followed
	AdminQueries AdminQueries
	// Subnets are how many parts of the pool are held, and how many there are; nil: addresses are not ours to give.
	Subnets     func(ctx context.Context) (held, all int, err error)
	Ports       Ports  // nil: none are shown before their instance runs
	Places      Places // nil: where players are is not noted
	Containers  Containers
	EventLog    EventLog
	EventStats  EventStats
	EventStream *event.Log
	Forensics   *forensics.Recorder
	Monitor     *monitor.Monitor
	Tracer      trace.Tracer                                       // nil: there are no traces
	Answered    func(route string, status int, took time.Duration) // told of every answer; may be nil
	Solvers     *solver.Solvers                                    // nil: there are none
	Trials      *trial.Trials                                      // of drafts; nil: there are none
	Rehearsals  *rehearsal.Stage                                   // nil: there are none
	Origins     *Origins                                           // nil: where players come from is not looked at
	Checks      []Check
	Pages       http.Handler
	Metrics     http.Handler
	Log         *slog.Logger
}

// Organisers are those with keys of their own.
type Organisers interface {
	identity.OrganiserKeys
	AddOrganiserKey(ctx context.Context, k whaley.OrganiserKey) error
	OrganiserKeys(ctx context.Context) ([]whaley.OrganiserKey, error)
	RevokeOrganiserKey(ctx context.Context, id, by string, at time.Time) error
}

// Settings are what organisers may change.
type Settings interface {
	Now() *config.Snapshot
	Change(ctx context.Context, by string, values map[string]*string) error
	Load(ctx context.Context) error
	SetVariable(ctx context.Context, by string, v config.Variable, value *string) error
}

// Ports are owners' ports of the host.
type Ports interface {
	// Booked are an owner's, by challenge and internal port.
	Booked(ctx context.Context, owner string) (map[string]map[int]int, error)
	// Book makes ports an owner's, and returns all that they have for a challenge.
	Book(ctx context.Context, owner, challenge string, internal []int) (map[int]int, error)
}

// Places remember where sign-ins are used.
type Places interface {
	Note(session string, from netip.Addr)
}

// Containers are what runs of an instance.
type Containers interface {
	List(ctx context.Context, instance string) ([]instancer.Object, error)
	// Follow calls each with the last lines that a container printed and all further ones.
	Follow(ctx context.Context, id string, tail int, each func(line string) error) error
}

// EventLog is what happened, for those who look back.
type EventLog interface {
	FindEvents(ctx context.Context, q whaley.EventQuery) ([]whaley.Event, error)
	EventsAfter(ctx context.Context, id string, limit int) ([]whaley.Event, error)
}

// EventStats answers with the log in numbers, which may be some seconds old.
type EventStats func(ctx context.Context) (whaley.EventStats, error)
