package instancer

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"
)

// Options are the settings of an Instancer. Policy can be changed later.
type Options struct {
	BaseDomain     string
	SlugKey        []byte // changing it changes every host
	BackendHost    string // where published ports are reached; empty: routes lead to the containers' own addresses
	Worker         string // this sidecar, as leases name it: stays the same when it is started again
	Policy         Policy
	ReconcileEvery time.Duration    // default 60 s
	Now            func() time.Time // the wall clock, which may jump; default time.Now
}

// Needs are the adapters an Instancer works with.
type Needs struct {
	Store      Store
	Subnets    Subnets
	Ports      Ports
	Engine     Engine
	Router     Router
	Firewall   Firewall  // nil: none
	Sandboxes  Sandboxes // nil: none
	Challenges Challenges
	Flags      Flags        // nil: no challenge may have Flag.Dynamic
	Forensics  Forensics    // nil: nothing is kept
	Observer   Observer     // nil: nobody is told
	Tracer     trace.Tracer // nil: there are no traces
	Log        *slog.Logger
}

// Instancer applies the rules. Make one with New and let Run go on for as long as it is used.
type Instancer struct {
	Needs
	opts     Options
	policy   atomic.Pointer[Policy]
	hub      *hub
	queue    *queue
	images   *images
	deadline *deadlines
	spawns   singleflight.Group
	undone   chan struct{} // see leftUndone
	removals chan struct{} // slots for stops

	loud      map[string]int        // instance → how long it has printed too fast; of the look at the disk
	diskShort atomic.Pointer[Error] // why the engine's disk is too full; nil: it is not
	tell      chan struct{}         // see moved

	mu       sync.Mutex
	jobs     map[string]*job               // instance → the one job that works on it
	progress map[string]progress           // instance → what is being done
	abroad   map[string]Progress           // instance → what another sidecar does
	untold   map[string]*Instance          // whose progress other sidecars are to be told of
	losing   map[string]context.CancelFunc // instance that is being started → what gives its sandbox up
	restarts map[string]restarts           // instance/service → how often it was started again
	origins  map[string]origin             // operation/instance → where it comes from
	typical  time.Duration                 // how long a spawn takes
	running  sync.WaitGroup                // jobs under way
	base     context.Context               // of jobs; cancelled when Run ends
	cancel   context.CancelCauseFunc
}

type progress struct {
	stage string
	seq   int
}

// New makes an Instancer that does nothing before Run.
func New(needs Needs, opts Options) *Instancer {
	if opts.Worker == "" {
		opts.Worker = "the only one"
	}
	if opts.ReconcileEvery == 0 {
		opts.ReconcileEvery = time.Minute
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if needs.Firewall == nil {
		needs.Firewall = noFirewall{}
	}
	if needs.Sandboxes == nil {
		needs.Sandboxes = noSandboxes{}
	}
	if needs.Observer == nil {
		needs.Observer = unobserved{}
	}
	if needs.Tracer == nil {
		needs.Tracer = noop.NewTracerProvider().Tracer("")
	}
	i := &Instancer{
		Needs:    needs,
		opts:     opts,
		hub:      newHub(),
		images:   newImages(needs.Engine, needs.Log),
		deadline: newDeadlines(),
		jobs:     map[string]*job{},
		progress: map[string]progress{},
		abroad:   map[string]Progress{},
		untold:   map[string]*Instance{},
		tell:     make(chan struct{}, 1),
		losing:   map[string]context.CancelFunc{},
		restarts: map[string]restarts{},
		origins:  map[string]origin{},
		undone:   make(chan struct{}, 1),
		typical:  firstTypical,
		removals: make(chan struct{}, removalSlots),
		loud:     map[string]int{},
	}
	i.base, i.cancel = context.WithCancelCause(context.Background())
	i.queue = newQueue(0, i.moved)
	i.SetPolicy(opts.Policy)
	return i
}

// errShutdown is the cause of the jobs' contexts when Run ends: what they were making stays as it is.
var errShutdown = Errorf(Unavailable, "shutting_down", "Whaley is restarting. Try again in a few seconds.").After(5 * time.Second)

// Run adopts what is there, then expires, reconciles and watches the engine until ctx ends. Jobs under way are given
// up, not undone: the next Run goes on with them.
func (i *Instancer) Run(ctx context.Context) error {
	defer i.running.Wait()
	defer i.cancel(errShutdown)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return i.images.run(ctx) })
	g.Go(func() error { return i.reconcileLoop(ctx) })
	g.Go(func() error { return i.expireLoop(ctx) })
	g.Go(func() error { return i.exitLoop(ctx) })
	g.Go(func() error { return i.hearLoop(ctx) })
	g.Go(func() error { return i.tellLoop(ctx) })
	g.Go(func() error { return i.sweepLoop(ctx) })
	g.Go(func() error { return i.diskLoop(ctx) })
	return g.Wait()
}

// now is the wall clock, for what is written into rows. Lengths of time are measured without it.
func (i *Instancer) now() time.Time { return i.opts.Now().UTC() }

// PrepareImages builds, one after the other in the background, the images of all challenges that are not there yet.
func (i *Instancer) PrepareImages() {
	for _, ch := range i.Challenges.All() {
		i.images.prepare(ch)
	}
}

func (i *Instancer) setStage(in *Instance, stage string) {
	i.mu.Lock()
	p := i.progress[in.ID]
	i.progress[in.ID] = progress{stage: stage, seq: p.seq + 1}
	i.mu.Unlock()
	i.moved(in)
}

func (i *Instancer) clearStage(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.progress, id)
}
