package instancer

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Options are the settings of an Instancer. Policy can be changed later.
type Options struct {
	BaseDomain     string
	SlugKey        []byte // changing it changes every host
	BackendHost    string // where published ports are reached; empty: routes lead to the containers' own addresses
	Policy         whaley.Policy
	ReconcileEvery time.Duration    // default 60 s
	Now            func() time.Time // the wall clock, which may jump; default time.Now
}

// Needs are the adapters an Instancer works with.
type Needs struct {
	Store      Store
	Platform   Platform
	Prober     Prober
	Router     Router
	Costs      Costs     // nil: nothing is remembered
	Variables  Variables // nil: organisers have none
	Inside     Inside    // nil: no address of an instance works inside it
	Challenges Challenges
	Opening    Opening                // nil: all is open
	Flags      Flags                  // nil: no challenge may have Flag.Dynamic
	Solves     Solves                 // nil: nothing ends because it is solved
	Forensics  Forensics              // nil: nothing is kept
	Observer   Observer               // nil: nobody is told
	Tracer     trace.Tracer           // nil: there are no traces
	Pressure   func() whaley.Pressure // of the machine; nil: not known
	Log        *slog.Logger
}

// Instancer applies the rules. Make one with New and let Run go on for as long as it is used.
type Instancer struct {
	Needs
	opts     Options
	policy   atomic.Pointer[whaley.Policy]
	hub      *hub
	views    *together[whaley.HostView] // of hosts, by host and owner
	queue    *queue
	images   *images
	looks    *looks
	waiting  *waiting
	spawns   singleflight.Group
	undone   loop.Signal   // see leftUndone
	removals chan struct{} // slots for stops

	diskLook  sync.Mutex                   // one at a time
	loud      map[string]int               // instance → how long it has printed too fast; of the look at the disk
	diskShort atomic.Pointer[whaley.Error] // why the engine's disk is too full; nil: it is not

	mu       sync.Mutex
	jobs     map[string]*job     // instance → the one job that works on it
	progress map[string]progress // instance → what is being done
	origins  map[string]origin   // operation/instance → where it comes from
	downs    map[string]bool     // instance → it is about to be taken down
	running  sync.WaitGroup      // jobs under way
	base     context.Context     // of jobs; cancelled when Run ends
	cancel   context.CancelCauseFunc
}

type progress struct {
	stage string
	seq   int
	turn  *turn // of the build that it waits for; nil: of none
}

// New makes an Instancer that does nothing before Run.
func New(needs Needs, opts Options) *Instancer {
	if opts.ReconcileEvery == 0 {
		opts.ReconcileEvery = time.Minute
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if needs.Inside == nil {
		needs.Inside = noInside{}
	}
	if needs.Observer == nil {
		needs.Observer = unobserved{}
	}
	if needs.Costs == nil {
		needs.Costs = noCosts{}
	}
	if needs.Tracer == nil {
		needs.Tracer = noop.NewTracerProvider().Tracer("")
	}
	i := &Instancer{
		Needs:    needs,
		opts:     opts,
		hub:      newHub(),
		views:    newTogether[whaley.HostView](),
		looks:    newLooks(),
		waiting:  newWaiting(),
		jobs:     map[string]*job{},
		progress: map[string]progress{},
		origins:  map[string]origin{},
		downs:    map[string]bool{},
		undone:   loop.NewSignal(),
		removals: make(chan struct{}, removalSlots),
		loud:     map[string]int{},
	}
	i.base, i.cancel = context.WithCancelCause(context.Background())
	i.queue = newQueue(0, func() time.Duration { return i.Policy().StartTimeout }, func() { i.launch(i.queue.ready()) })
	i.queue.pace.before = i.usualStart
	i.images = newImages(
		needs.Platform, func() (int, time.Duration) { p := i.Policy(); return p.BuildConcurrency, p.BuildTimeout }, needs.Log,
	)
	i.images.works, i.images.broken = i.keepBuilt, i.fallBack
	i.SetPolicy(opts.Policy)
	return i
}

// errShutdown is the cause of the jobs' contexts when Run ends: what they were making stays as it is.
var errShutdown = whaley.Errorf(
	whaley.Unavailable, "shutting_down", "Whaley is restarting. Try again in a few seconds.",
).After(5 * time.Second)

// Run adopts what is there, then expires, reconciles and watches the engine until ctx ends. Jobs under way are given
// up, not undone: the next Run goes on with them.
func (i *Instancer) Run(ctx context.Context) error {
	defer i.endAhead()
	defer i.running.Wait()
	defer i.end()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return i.images.turns.run(ctx) })
	g.Go(func() error { return i.reconcileLoop(ctx) })
	g.Go(func() error { return i.expireLoop(ctx) })
	g.Go(func() error { return i.exitLoop(ctx) })
	for range lookSlots {
		g.Go(func() error { return i.lookLoop(ctx) })
	}
	g.Go(func() error { return i.shiftLoop(ctx) })
	g.Go(func() error { return i.sweepLoop(ctx) })
	g.Go(func() error { return i.diskLoop(ctx) })
	g.Go(func() error { return i.waitingLoop(ctx, false) })
	g.Go(func() error { return i.waitingLoop(ctx, true) })
	g.Go(func() error { return i.sleepLoop(ctx) })
	g.Go(func() error { return i.solvedLoop(ctx) })
	g.Go(func() error { return i.pressureLoop(ctx) })
	return g.Wait()
}

// end cancels all jobs. The lock keeps a job from beginning while Run already waits for the last one.
func (i *Instancer) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.cancel(errShutdown)
}

// now is the wall clock, for what is written into rows. Lengths of time are measured without it.
func (i *Instancer) now() time.Time { return i.opts.Now().UTC() }

// PrepareImages builds in the background the images of all challenges that are not there yet, and gives up what is
// built of challenges that are not loaded any more.
func (i *Instancer) PrepareImages() { i.images.want(i.loaded()) }

// loaded are all challenges, and what is tried of drafts.
func (i *Instancer) loaded() []*whaley.Challenge {
	all := i.Challenges.All()
	if from, ok := i.Challenges.(interface{ Tried() []*whaley.Challenge }); ok {
		all = slices.Concat(all, from.Tried())
	}
	return all
}

func (i *Instancer) setStage(in *whaley.Instance, stage string) { i.setWaiting(in, stage, nil) }

// setWaiting sets the stage of a start that waits for a build.
func (i *Instancer) setWaiting(in *whaley.Instance, stage string, t *turn) {
	i.mu.Lock()
	p := i.progress[in.ID]
	i.progress[in.ID] = progress{stage: stage, seq: p.seq + 1, turn: t}
	i.mu.Unlock()
	i.changed(in)
}

func (i *Instancer) clearStage(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.progress, id)
}
