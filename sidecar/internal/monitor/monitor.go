package monitor

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// parallel is how many containers are looked at at the same time. Engines up to 20.10 answer at their own next look at
// a container, up to a second later: that time is waiting, not work (docs/decisions/0030).
const parallel = 200

// Engine lists containers and says what each uses.
type Engine interface {
	List(ctx context.Context, instance string) ([]instancer.Object, error)
	Usage(ctx context.Context, id string) (whaley.Usage, error)
}

// Instances are the rows of what lives.
type Instances interface {
	Live(ctx context.Context, owner string) ([]*whaley.Instance, error)
}

// Options are the settings of a Monitor.
type Options struct {
	Every time.Duration // between two rounds, at least
	Disk  string        // a folder on the disk that is told about
}

// Monitor samples. Make one with New and let Run go on.
type Monitor struct {
	engine    Engine
	instances Instances
	opts      Options
	log       *slog.Logger
	last      atomic.Pointer[Sample]
	before    map[string]whaley.Usage // container → its last usage
	cores     *cpu.TimesStat          // what the machine's cores had done at the last look
}

// New makes a Monitor that has sampled nothing yet.
func New(engine Engine, instances Instances, opts Options, log *slog.Logger) *Monitor {
	m := &Monitor{engine: engine, instances: instances, opts: opts, log: log, before: map[string]whaley.Usage{}}
	m.last.Store(&Sample{})
	return m
}

// Sample is one round. It is not changed afterwards.
type Sample struct {
	At         time.Time // zero: there was no round yet
	Took       time.Duration
	Containers int // of ours that exist
	Running    int
	Sampled    int
	CPU        float64 // per cent of one CPU, all containers together
	Memory     int64   // bytes
	Host       Host
	Instances  []Instance // by id
}

// Instance is what one live instance uses.
type Instance struct {
	Row *whaley.Instance
	Totals
	Sampled    bool // there are figures
	Containers []Container
}

// Totals are figures of a container or of all of an instance's.
type Totals struct {
	CPU         float64 // per cent of one CPU
	Memory      int64   // bytes
	MemoryLimit int64
	NetworkIn   int64 // bytes since the start
	NetworkOut  int64
	BlockRead   int64
	BlockWrite  int64
	Pids        int64
}

// Container is what one container uses.
type Container struct {
	Totals
	ID, Name, Service string
	Running           bool
	Sampled           bool
}

// Last is the newest sample.
func (m *Monitor) Last() *Sample { return m.last.Load() }

// Run samples until ctx ends.
func (m *Monitor) Run(ctx context.Context) error {
	for {
		began := time.Now()
		if err := m.round(ctx); err != nil && ctx.Err() == nil {
			m.log.Warn("sample usage failed", "err", err)
		}
		if loop.Sleep(ctx, max(m.opts.Every, time.Since(began))) != nil {
			return nil
		}
	}
}

func (m *Monitor) round(ctx context.Context) error {
	began := time.Now()
	objects, err := m.engine.List(ctx, "")
	if err != nil {
		return err
	}
	rows, err := m.instances.Live(ctx, "")
	if err != nil {
		return err
	}
	objects = slices.DeleteFunc(objects, func(o instancer.Object) bool { return o.Kind != "container" })
	slices.SortFunc(objects, func(a, b instancer.Object) int { return strings.Compare(a.Name, b.Name) })
	usages := m.look(ctx, objects)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	sample := &Sample{At: began.UTC(), Containers: len(objects)}
	sample.Host, m.cores = host(ctx, m.opts.Disk, m.cores)
	byInstance := map[string][]Container{}
	now := make(map[string]whaley.Usage, len(usages))
	for n, o := range objects {
		c := Container{ID: o.ID, Name: o.Name, Service: o.Labels.Service, Running: o.Running}
		if o.Running {
			sample.Running++
		}
		if u := usages[n]; u != nil {
			c.Totals, c.Sampled = totals(*u, m.before[o.ID]), true
			now[o.ID] = *u
			sample.Sampled++
			sample.CPU += c.CPU
			sample.Memory += c.Memory
		}
		byInstance[o.Labels.Instance] = append(byInstance[o.Labels.Instance], c)
	}
	m.before = now
	for _, in := range rows {
		sample.Instances = append(sample.Instances, together(in, byInstance[in.ID]))
	}
	slices.SortFunc(sample.Instances, func(a, b Instance) int { return strings.Compare(a.Row.ID, b.Row.ID) })
	sample.Took = time.Since(began)
	m.last.Store(sample)
	return nil
}

// look asks about all containers that run, a few at a time. What is gone meanwhile has no usage.
func (m *Monitor) look(ctx context.Context, objects []instancer.Object) []*whaley.Usage {
	usages := make([]*whaley.Usage, len(objects))
	var g errgroup.Group
	g.SetLimit(parallel)
	var once sync.Once
	for n, o := range objects {
		if !o.Running || ctx.Err() != nil {
			continue
		}
		g.Go(func() error {
			u, err := m.engine.Usage(ctx, o.ID)
			switch {
			case err == nil:
				usages[n] = &u
			case whaley.CodeOf(err) != whaley.CodeObjectMissing && ctx.Err() == nil:
				once.Do(func() { m.log.Warn("usage of a container not sampled", "instance", o.Labels.Instance, "err", err) })
			}
			return nil
		})
	}
	_ = g.Wait() // none returns an error
	return usages
}

// totals compares a container's usage with the one before. The first time there is no rate yet.
func totals(u, before whaley.Usage) Totals {
	t := Totals{
		Memory: u.Memory, MemoryLimit: u.MemoryLimit, NetworkIn: u.NetworkIn, NetworkOut: u.NetworkOut,
		BlockRead: u.BlockRead, BlockWrite: u.BlockWrite, Pids: u.Pids,
	}
	if passed := u.At.Sub(before.At); !before.At.IsZero() && passed > 0 && u.CPU >= before.CPU {
		t.CPU = 100 * float64(u.CPU-before.CPU) / float64(passed)
	}
	return t
}

func together(in *whaley.Instance, containers []Container) Instance {
	all := Instance{Row: in, Containers: containers}
	for _, c := range containers {
		all.Sampled = all.Sampled || c.Sampled
		all.CPU += c.CPU
		all.Memory += c.Memory
		all.MemoryLimit += c.MemoryLimit
		all.NetworkIn += c.NetworkIn
		all.NetworkOut += c.NetworkOut
		all.BlockRead += c.BlockRead
		all.BlockWrite += c.BlockWrite
		all.Pids += c.Pids
	}
	return all
}
