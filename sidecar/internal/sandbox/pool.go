package sandbox

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	// rest is how long a network is left alone after an instance: an edge may remember for some seconds where that was.
	rest      = 30 * time.Second
	tendPause = 10 * time.Second
	lookEvery = time.Minute
	endTime   = 20 * time.Second
	// recent is how many spawns say what will be asked for next.
	recent = 32
)

// Store keeps the rows.
type Store interface {
	AddSandbox(ctx context.Context, sb *whaley.Sandbox) error
	Sandboxes(ctx context.Context) ([]*whaley.Sandbox, error)
	TakeSandbox(ctx context.Context, instance string, s whaley.Shape) (*whaley.Sandbox, error)
	FreeSandbox(ctx context.Context, instance string, to whaley.SandboxState) (bool, error)
	MoveSandbox(ctx context.Context, sb *whaley.Sandbox, to whaley.SandboxState) (bool, error)
	DropSandbox(ctx context.Context, id string) error
	Live(ctx context.Context, owner string) ([]*whaley.Instance, error)
}

// Subnets hands out parts of the pool.
type Subnets interface {
	Reserve(ctx context.Context, holder string) (netip.Prefix, error)
	Release(ctx context.Context, holder string) error
	Avoid(ctx context.Context, holder string, p netip.Prefix) error
	// Holds says whether a network is still one of those that are handed out.
	Holds(network netip.Prefix) bool
}

// Engine makes and removes the objects of sandboxes, and lists no others.
type Engine interface {
	HolderImage(ctx context.Context) (string, error)
	CreateNetwork(ctx context.Context, spec containers.NetworkSpec) error
	RemoveNetwork(ctx context.Context, name string) error
	CreateContainer(ctx context.Context, spec containers.ContainerSpec) (string, error)
	StartContainer(ctx context.Context, id string) error
	RemoveContainer(ctx context.Context, id string) error
	List(ctx context.Context, sandbox string) ([]instancer.Object, error)
	Exits(ctx context.Context) <-chan instancer.Exit
}

// Rules are what a pool has to know of the instances.
type Rules interface {
	Shapes() []whaley.Shape
	Idle() bool
	NetworkLost(ctx context.Context, instance string)
}

// Options of a pool.
type Options struct {
	Size  func() int // how many to keep ready; 0: none
	Rest  time.Duration
	Pause time.Duration // between two looks at what is to be done, and before what failed is tried again
}

// Pool implements containers.Sandboxes.
type Pool struct {
	store   Store
	subnets Subnets
	engine  Engine
	opts    Options
	log     *slog.Logger
	wakeup  loop.Signal

	backoff backoff

	mu     sync.Mutex
	asked  []string // shapes of the last spawns
	shapes map[string]whaley.Shape
}

var _ containers.Sandboxes = (*Pool)(nil)

// New makes a pool that makes nothing before Run.
func New(store Store, subnets Subnets, engine Engine, opts Options, log *slog.Logger) *Pool {
	if opts.Rest == 0 {
		opts.Rest = rest
	}
	if opts.Pause == 0 {
		opts.Pause = tendPause
	}
	return &Pool{store: store, subnets: subnets, engine: engine, opts: opts, log: log,
		wakeup: loop.NewSignal(), backoff: backoff{pause: opts.Pause, of: map[string]failure{}},
		shapes: map[string]whaley.Shape{}}
}

// Take gives an instance a ready sandbox; see containers.Sandboxes.
func (p *Pool) Take(ctx context.Context, instance string, s whaley.Shape) (*whaley.Sandbox, error) {
	if p.opts.Size() == 0 {
		return nil, nil
	}
	p.remember(s)
	defer p.Wake()
	return p.store.TakeSandbox(ctx, instance, s)
}

// Free takes back what an instance has.
func (p *Pool) Free(ctx context.Context, instance string) error {
	return p.free(ctx, instance, whaley.SandboxUsed)
}

// Discard takes back what an instance has and removes it.
func (p *Pool) Discard(ctx context.Context, instance string) error {
	return p.free(ctx, instance, whaley.SandboxGone)
}

func (p *Pool) free(ctx context.Context, instance string, to whaley.SandboxState) error {
	had, err := p.store.FreeSandbox(ctx, instance, to)
	if had {
		p.Wake()
	}
	return err
}

// Wake lets the pool look at once: something that it goes by has changed.
func (p *Pool) Wake() { p.wakeup.Send() }

// Run keeps the pool as it should be until ctx ends. What is ready stays for the next Run as long as any instance
// lives.
func (p *Pool) Run(ctx context.Context, rules Rules) error {
	defer p.end()
	exits := p.engine.Exits(ctx)
	tend, look := time.NewTicker(p.opts.Pause), time.NewTicker(lookEvery)
	defer tend.Stop()
	defer look.Stop()
	p.try(ctx, "sandboxes not looked at", func() error { return p.Reconcile(ctx, rules) })
	for {
		p.try(ctx, "sandboxes not made", func() error { return p.Fill(ctx, rules) })
		select {
		case <-ctx.Done():
			return nil
		case <-p.wakeup:
		case <-tend.C:
		case <-look.C:
			p.try(ctx, "sandboxes not looked at", func() error { return p.Reconcile(ctx, rules) })
		case exit, open := <-exits:
			if open {
				p.try(ctx, "ended holder not looked at", func() error { return p.lost(ctx, exit.Instance, rules) })
			}
		}
	}
}

// end leaves nothing behind where nothing lives.
func (p *Pool) end() {
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	p.try(ctx, "sandboxes not removed", func() error {
		live, err := p.store.Live(ctx, "")
		if err != nil || len(live) > 0 {
			return err
		}
		all, err := p.store.Sandboxes(ctx)
		for _, sb := range all {
			if sb.State != whaley.SandboxTaken {
				err = errors.Join(err, p.retire(ctx, sb))
			}
		}
		return err
	})
}

func (p *Pool) try(ctx context.Context, what string, do func() error) {
	if err := do(); err != nil && ctx.Err() == nil {
		p.log.Error(what, "err", err)
	}
}
