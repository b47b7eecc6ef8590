package metric

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// How often the database and others are asked in the background.
const (
	oftenEvery  = 5 * time.Second
	seldomEvery = time.Minute
	askTime     = 10 * time.Second
)

// Sources are asked in the background. Those that are nil have no metrics.
type Sources struct {
	Live       func(ctx context.Context) ([]whaley.LiveRow, error)
	Ports      func(ctx context.Context) (held, all int, err error)
	Subnets    func(ctx context.Context) (held, all int, err error)
	Flags      func(ctx context.Context) (assigned, waiting int, err error) // waiting: to be registered
	Suspicious func(ctx context.Context) (int, error)
	Captures   func(ctx context.Context) (whaley.CaptureStats, error)
	Events     func(ctx context.Context) (whaley.EventStats, error)
	Up         map[string]func(ctx context.Context) error // dependency → whether it answers

	// Answered from memory at each scrape.
	Challenges func() []*whaley.Challenge
	Queue      func() (waiting, busy int)
	Waiting    func() map[string]int // challenge → instances that are ready for their owners
	Warm       func() map[string]int // challenge → instances that run ahead of their owners
	Policy     func() whaley.Policy
	AutoOn     func() bool
	Usage      func() Usage
	Detail     func() bool
	Costs      func() map[string]whaley.Cost      // challenge → what its instances were seen to cost
	Solvers    func() map[string]whaley.SolverRun // challenge → the last run of its solver that says something
}

// Usage is what containers use, by challenge.
type Usage struct {
	At          time.Time
	Took        time.Duration
	Running     int
	CPU, Memory map[string]float64 // challenge → CPUs, bytes
}

// state is what was last answered.
type state struct {
	at         time.Time
	live       []whaley.LiveRow
	ports      [2]int
	subnets    [2]int
	flags      [2]int
	suspicious int
	captures   whaley.CaptureStats
	events     whaley.EventStats
	up         map[string]bool
}

// State asks sources and remembers what they say.
type State struct {
	sources Sources
	log     *slog.Logger
	last    atomic.Pointer[state]
}

// Watch makes the sources part of the metrics; Run asks them.
func (m *Metrics) Watch(sources Sources, log *slog.Logger) *State {
	s := &State{sources: sources, log: log}
	m.registry.MustRegister(collector{s})
	return s
}

// Run asks until ctx ends.
func (s *State) Run(ctx context.Context) error {
	var seldom time.Time
	tick := time.NewTicker(oftenEvery)
	defer tick.Stop()
	for {
		all := time.Since(seldom) >= seldomEvery
		if all {
			seldom = time.Now()
		}
		s.ask(ctx, all)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// ask asks everybody at the same time, and those whose answer is much work only now and then. Who does not answer
// leaves what was known before.
func (s *State) ask(ctx context.Context, all bool) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	next := state{}
	if last := s.last.Load(); last != nil {
		next = *last
	}
	next.up = map[string]bool{}
	var wg sync.WaitGroup
	var mu sync.Mutex
	try := func(what string, worth bool, ask func() error) {
		if !worth {
			return
		}
		wg.Go(func() {
			if err := ask(); err != nil && ctx.Err() == nil {
				s.log.Warn("metrics are older than they should be", "of", what, "err", err)
			}
		})
	}
	f := s.sources
	try("instances", f.Live != nil, func() error {
		live, err := f.Live(ctx)
		if err == nil {
			next.live, next.at = live, time.Now()
		}
		return err
	})
	try("ports", f.Ports != nil, func() (err error) { return pair(&next.ports, f.Ports, ctx) })
	try("subnets", f.Subnets != nil, func() (err error) { return pair(&next.subnets, f.Subnets, ctx) })
	try("flags", f.Flags != nil && all, func() (err error) { return pair(&next.flags, f.Flags, ctx) })
	try(
		"suspicious submissions", f.Suspicious != nil && all,
		func() error { return one(&next.suspicious, f.Suspicious, ctx) },
	)
	try("captures", f.Captures != nil && all, func() error { return one(&next.captures, f.Captures, ctx) })
	try("events", f.Events != nil && all, func() error { return one(&next.events, f.Events, ctx) })
	for name, ping := range f.Up {
		wg.Go(func() {
			err := ping(ctx)
			mu.Lock()
			defer mu.Unlock()
			next.up[name] = err == nil
		})
	}
	wg.Wait()
	s.last.Store(&next)
}

func pair(into *[2]int, ask func(context.Context) (int, int, error), ctx context.Context) error {
	a, b, err := ask(ctx)
	if err == nil {
		*into = [2]int{a, b}
	}
	return err
}

func one[T any](into *T, ask func(context.Context) (T, error), ctx context.Context) error {
	value, err := ask(ctx)
	if err == nil {
		*into = value
	}
	return err
}
