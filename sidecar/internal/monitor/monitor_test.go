package monitor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/monitor"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// fleet is an engine with a container for each of n instances; every tenth vanishes between the list and the look.
type fleet struct {
	n            int
	inside, most atomic.Int64
	mu           sync.Mutex
	cpu          map[string]time.Duration
}

func (f *fleet) List(context.Context, string) ([]instancer.Object, error) {
	all := []instancer.Object{{Kind: "network", ID: "n"}}
	for n := range f.n {
		all = append(all, instancer.Object{
			Kind: "container", ID: fmt.Sprint("c", n), Name: fmt.Sprintf("i%03d-web", n), Running: n != 1,
			Labels: instancer.Labels{Instance: fmt.Sprintf("i%03d", n), Service: "web"},
		})
	}
	return all, nil
}

func (f *fleet) Live(context.Context, string) ([]*whaley.Instance, error) {
	var all []*whaley.Instance
	for n := range f.n {
		all = append(all, &whaley.Instance{ID: fmt.Sprintf("i%03d", n), Challenge: "web", State: whaley.Running})
	}
	return all, nil
}

func (f *fleet) Usage(_ context.Context, id string) (whaley.Usage, error) {
	now := f.inside.Add(1)
	for most := f.most.Load(); now > most && !f.most.CompareAndSwap(most, now); most = f.most.Load() {
	}
	defer f.inside.Add(-1)
	time.Sleep(100 * time.Microsecond)
	if id[len(id)-1] == '0' {
		return whaley.Usage{}, whaley.Errorf(whaley.Unavailable, whaley.CodeObjectMissing, "gone")
	}
	if id == "c2" {
		return whaley.Usage{}, errors.New("garbled")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cpu[id] += 500 * time.Millisecond
	return whaley.Usage{
			At: time.Unix(0, 2*int64(f.cpu[id])), CPU: f.cpu[id], Memory: 10, MemoryLimit: 100, Pids: 3, NetworkIn: 5,
			BlockWrite: 7,
		},
		nil
}

func TestThreeHundredInstancesAreSampledSomeAtATime(t *testing.T) {
	f := &fleet{n: 300, cpu: map[string]time.Duration{}}
	m := monitor.New(f, f, monitor.Options{Every: 10 * time.Millisecond, Disk: t.TempDir()}, slog.New(slog.DiscardHandler))
	if s := m.Last(); !s.At.IsZero() || len(s.Instances) != 0 {
		t.Errorf("%+v before the first round", s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = m.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	testkit.Eventually(t, 20*time.Second, "there are rates", func() error {
		if m.Last().CPU == 0 {
			return errors.New("not yet")
		}
		return nil
	})
	s := m.Last()
	// 300, of which one does not run, 30 have vanished, and one is garbled.
	if s.Containers != 300 || s.Running != 299 || s.Sampled != 268 || len(s.Instances) != 300 {
		t.Errorf("%d containers, %d run, %d sampled, %d instances", s.Containers, s.Running, s.Sampled, len(s.Instances))
	}
	in := s.Instances[5]
	if !in.Sampled || in.CPU < 49 || in.CPU > 51 || in.Memory != 10 || in.MemoryLimit != 100 || in.Pids != 3 ||
		in.NetworkIn != 5 || in.BlockWrite != 7 || in.Containers[0].Service != "web" {
		t.Errorf("%+v", in)
	}
	if s.Instances[0].Sampled || s.Instances[2].Sampled || s.Instances[1].Sampled {
		t.Error("there are figures of what is gone")
	}
	if f.most.Load() > 200 {
		t.Errorf("%d at once", f.most.Load())
	}
	if h := s.Host; h.Cores == 0 || h.MemoryTotal == 0 || h.MemoryUsed == 0 || h.DiskTotal == 0 {
		t.Errorf("%+v", h)
	}
}
