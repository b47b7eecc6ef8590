package faulttest

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/sandbox"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// TestNothingIsLostOrLeftWhateverStepOfASandboxIsTheLast does with the pool of sandboxes what the other test does with
// spawns and stops: making one, giving it to an instance, taking it back, cleaning and removing it. FAULTS=all tries
// every fault at every step instead of one at every second.
func TestNothingIsLostOrLeftWhateverStepOfASandboxIsTheLast(t *testing.T) {
	began := time.Now()
	w := newPooledWorld(t, 4, false)
	steps := slices.DeleteFunc(baseline(w), func(step string) bool { return !strings.HasPrefix(step, "sandbox") })
	if len(steps) < 16 {
		t.Fatalf("the life of a sandbox has only these steps: %v", steps)
	}
	faults := []string{fails, diesBefore, diesAfter}
	var mu sync.Mutex
	var table []string
	const worlds = 2
	t.Run("each", func(t *testing.T) {
		for number := range worlds {
			t.Run([]string{"SQLite", "PostgreSQL"}[number], func(t *testing.T) {
				t.Parallel()
				w := newPooledWorld(t, number+5, number == 1)
				stay := w.bystander()
				for n, step := range steps {
					for m, fault := range faults {
						// Without all of them, each database has other steps, and each step another fault.
						if !everyFault() && (n%(2*worlds) != number || n/(2*worlds)%len(faults) != m) {
							continue
						}
						outcome := w.scenario(fmt.Sprintf("%s-%d", strings.ReplaceAll(fault, " ", ""), n), step, fault)
						stay()
						mu.Lock()
						table = append(table, fmt.Sprintf("%-32s %-12s %s", step, fault, outcome))
						mu.Unlock()
					}
				}
			})
		}
	})
	slices.Sort(table)
	t.Logf(
		"\n%s\n%d steps, %d faults, all clean, in %s", strings.Join(table, "\n"), len(steps), len(table),
		time.Since(began).Round(time.Second),
	)
}

// everyFault says whether there is time for all of them.
func everyFault() bool { return os.Getenv("FAULTS") == "all" }

// newPool makes the pool of one life of a sidecar.
func (w *world) newPool(subnets sandbox.Subnets, f *faults) *sandbox.Pool {
	return sandbox.New(
		faultyPoolStore{w.db, f}, faultyPoolSubnets{subnets, f}, faultyPoolEngine{w.engine.WithPurpose("sandbox"), f},
		sandbox.Options{
			Size: func() int { return int(w.size.Load()) }, Rest: 50 * time.Millisecond, Pause: 100 * time.Millisecond,
		}, w.log(),
	)
}

// empty lets the pool go, and waits until it has as long as the process lives.
func (w *world) empty(s *sidecar) {
	w.t.Helper()
	w.filled(s, 1)
	w.size.Store(0)
	w.filled(s, 0)
}

// filled waits until as many sandboxes are ready, and no other ones there than those, what rests and what is taken.
func (w *world) filled(s *sidecar, ready int) {
	w.t.Helper()
	testkit.Eventually(w.t, 30*time.Second, fmt.Sprintf("the pool has %d", ready), func() error {
		select {
		case <-s.dead:
			return nil
		default:
		}
		return w.auditPool(ready)
	})
}

// auditPool compares the rows of sandboxes with what is on the engine and reserved.
func (w *world) auditPool(ready int) error {
	ctx := context.Background()
	all, err := w.db.Sandboxes(ctx)
	if err != nil {
		return err
	}
	objects, err := w.engine.WithPurpose("sandbox").List(ctx, "")
	if err != nil {
		return err
	}
	live, err := w.db.Live(ctx, "")
	if err != nil {
		return err
	}
	subnets, err := w.db.HeldSubnets(ctx)
	if err != nil {
		return err
	}
	has := map[string][]string{}
	for _, o := range objects {
		if o.Kind == "container" && !o.Running {
			return fmt.Errorf("%s does not run", o.Name)
		}
		has[o.Labels.Instance] = append(has[o.Labels.Instance], o.Kind)
	}
	held := map[string]netip.Prefix{}
	for prefix, holder := range subnets {
		if _, twice := held[holder]; twice {
			return fmt.Errorf("%s holds %s and %s", holder, held[holder], prefix)
		}
		held[holder] = prefix
	}
	states := map[whaley.SandboxState]int{}
	for _, sb := range all {
		states[sb.State]++
		want := []string{"container", "network"}
		switch sb.State {
		case whaley.SandboxReady, whaley.SandboxResting:
		case whaley.SandboxTaken:
			if !slices.ContainsFunc(
				live, func(in *whaley.Instance) bool { return in.ID == sb.Instance && in.Subnet == sb.Subnet },
			) {
				return fmt.Errorf("%s is taken by %s, which is not there", sb.ID, sb.Instance)
			}
		default:
			return fmt.Errorf("%s is %s", sb.ID, sb.State)
		}
		if slices.Sort(has[sb.ID]); !slices.Equal(has[sb.ID], want) || held[sb.ID] != sb.Subnet {
			return fmt.Errorf(
				"%s is %s, has %v, and holds %s instead of %s", sb.ID, sb.State, has[sb.ID], held[sb.ID], sb.Subnet,
			)
		}
		delete(has, sb.ID)
	}
	if len(has) > 0 || states[whaley.SandboxReady] != ready || states[whaley.SandboxResting] > ready {
		return fmt.Errorf("sandboxes are %v, and of nobody's are %v", states, has)
	}
	for holder := range held {
		if strings.HasPrefix(holder, whaley.SandboxPrefix) &&
			!slices.ContainsFunc(all, func(sb *whaley.Sandbox) bool { return sb.ID == holder }) {
			return fmt.Errorf("%s holds a subnet and is not there", holder)
		}
	}
	return nil
}

// holders are the containers that hold an instance's network.
func (w *world) holders(instance string) []string {
	w.t.Helper()
	all, err := w.db.Sandboxes(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	var ids []string
	for _, sb := range all {
		if sb.Instance != instance {
			continue
		}
		objects, err := w.engine.WithPurpose("sandbox").List(context.Background(), sb.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, o := range objects {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

type faultyPoolStore struct {
	sandbox.Store
	f *faults
}

func (s faultyPoolStore) AddSandbox(ctx context.Context, sb *whaley.Sandbox) error {
	return s.f.step("sandbox's row added", func() error { return s.Store.AddSandbox(ctx, sb) })
}

func (s faultyPoolStore) Sandboxes(ctx context.Context) (all []*whaley.Sandbox, err error) {
	err = s.f.alive(func() error {
		all, err = s.Store.Sandboxes(ctx)
		return err
	})
	return all, err
}

func (s faultyPoolStore) Live(ctx context.Context, owner string) (all []*whaley.Instance, err error) {
	err = s.f.alive(func() error {
		all, err = s.Store.Live(ctx, owner)
		return err
	})
	return all, err
}

func (s faultyPoolStore) TakeSandbox(
	ctx context.Context, instance string, shape whaley.Shape,
) (sb *whaley.Sandbox, err error) {
	err = s.f.step("sandbox taken", func() error {
		sb, err = s.Store.TakeSandbox(ctx, instance, shape)
		return err
	})
	return sb, err
}

func (s faultyPoolStore) FreeSandbox(
	ctx context.Context, instance string, to whaley.SandboxState,
) (had bool, err error) {
	err = s.f.step("sandbox freed", func() error {
		had, err = s.Store.FreeSandbox(ctx, instance, to)
		return err
	})
	return had, err
}

func (s faultyPoolStore) MoveSandbox(
	ctx context.Context, sb *whaley.Sandbox, to whaley.SandboxState,
) (moved bool, err error) {
	err = s.f.step("sandbox becomes "+string(to), func() error {
		moved, err = s.Store.MoveSandbox(ctx, sb, to)
		return err
	})
	return moved, err
}

func (s faultyPoolStore) DropSandbox(ctx context.Context, id string) error {
	return s.f.step("sandbox's row dropped", func() error { return s.Store.DropSandbox(ctx, id) })
}

type faultyPoolSubnets struct {
	sandbox.Subnets
	f *faults
}

func (s faultyPoolSubnets) Reserve(ctx context.Context, holder string) (p netip.Prefix, err error) {
	err = s.f.step("sandbox's subnet reserved", func() error {
		p, err = s.Subnets.Reserve(ctx, holder)
		return err
	})
	return p, err
}

func (s faultyPoolSubnets) Release(ctx context.Context, holder string) error {
	return s.f.step("sandbox's subnet released", func() error { return s.Subnets.Release(ctx, holder) })
}

type faultyPoolEngine struct {
	sandbox.Engine
	f *faults
}

func (s faultyPoolEngine) HolderImage(ctx context.Context) (image string, err error) {
	err = s.f.alive(func() error {
		image, err = s.Engine.HolderImage(ctx)
		return err
	})
	return image, err
}

func (s faultyPoolEngine) List(ctx context.Context, id string) (all []instancer.Object, err error) {
	err = s.f.alive(func() error {
		all, err = s.Engine.List(ctx, id)
		return err
	})
	return all, err
}

func (s faultyPoolEngine) CreateNetwork(ctx context.Context, spec containers.NetworkSpec) error {
	return s.f.step("sandbox's network made", func() error { return s.Engine.CreateNetwork(ctx, spec) })
}

func (s faultyPoolEngine) RemoveNetwork(ctx context.Context, name string) error {
	return s.f.step("sandbox's network removed", func() error { return s.Engine.RemoveNetwork(ctx, name) })
}

func (s faultyPoolEngine) CreateContainer(ctx context.Context, spec containers.ContainerSpec) (id string, err error) {
	err = s.f.step("sandbox's holder made", func() error {
		id, err = s.Engine.CreateContainer(ctx, spec)
		return err
	})
	return id, err
}

func (s faultyPoolEngine) StartContainer(ctx context.Context, id string) error {
	return s.f.step("sandbox's holder started", func() error { return s.Engine.StartContainer(ctx, id) })
}

func (s faultyPoolEngine) RemoveContainer(ctx context.Context, id string) error {
	return s.f.step("sandbox's holder removed", func() error { return s.Engine.RemoveContainer(ctx, id) })
}
