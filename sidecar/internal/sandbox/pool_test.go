package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/sandbox"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

var shape = whaley.Shape{Services: []whaley.Seat{
	{Name: "db"}, {Name: "web", Hostname: "www", Aliases: []string{"front"}},
}}

// world is what outlives a sidecar.
type world struct {
	t       *testing.T
	db      *store.Store
	engine  *simulated.Engine
	subnets *subnet.Pool
	size    int
	shapes  []whaley.Shape
	lost    []string
}

func newWorld(t *testing.T, size int) *world {
	t.Helper()
	db, err := store.Open(context.Background(), "", storetest.Ready(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	subnets, err := subnet.New(db, netip.MustParsePrefix("10.188.0.0/24"))
	if err != nil {
		t.Fatal(err)
	}
	return &world{
		t: t, db: db, engine: simulated.NewWorld().Engine("ours").WithPurpose("sandbox"), subnets: subnets, size: size,
		shapes: []whaley.Shape{shape},
	}
}

// Shapes, Idle and NetworkLost are what a pool asks of the rules.
func (w *world) Shapes() []whaley.Shape                      { return w.shapes }
func (w *world) Idle() bool                                  { return true }
func (w *world) NetworkLost(_ context.Context, which string) { w.lost = append(w.lost, which) }

func (w *world) pool(f *faults) *sandbox.Pool {
	return sandbox.New(
		faultyStore{w.db, f}, faultySubnets{w.subnets, f}, faultyEngine{w.engine, f}, w.options(),
		slog.New(slog.DiscardHandler),
	)
}

// poolOn is a pool on an engine with faults of its own.
func (w *world) poolOn(engine sandbox.Engine) *sandbox.Pool {
	return sandbox.New(w.db, w.subnets, engine, w.options(), slog.New(slog.DiscardHandler))
}

func (w *world) options() sandbox.Options {
	return sandbox.Options{Size: func() int { return w.size }, Rest: time.Nanosecond}
}

// states counts the rows.
func (w *world) states() map[whaley.SandboxState]int {
	w.t.Helper()
	all, err := w.db.Sandboxes(context.Background())
	w.try(err)
	states := map[whaley.SandboxState]int{}
	for _, sb := range all {
		states[sb.State]++
	}
	return states
}

func (w *world) try(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// instance adds the row of a live one.
func (w *world) instance(id string) {
	w.t.Helper()
	w.try(w.db.Insert(context.Background(), &whaley.Instance{
		ID: id, Challenge: "c", Owner: whaley.Owner{ID: id}, State: whaley.Queued, CreatedAt: time.Now(),
	}, whaley.Quota{}, whaley.Event{Type: "instance_spawn", Instance: id, At: time.Now()}))
}

func (w *world) stopped(id string) {
	w.t.Helper()
	_, err := w.db.Update(
		context.Background(), id, whaley.LiveStates, func(in *whaley.Instance) { in.State = whaley.Stopped }, whaley.Event{},
	)
	w.try(err)
}

// audit compares rows, objects and subnets, and returns how many sandboxes are in which state.
func (w *world) audit() (map[whaley.SandboxState]int, error) {
	ctx := context.Background()
	all, err := w.db.Sandboxes(ctx)
	w.try(err)
	objects, err := w.engine.List(ctx, "")
	w.try(err)
	held, err := w.db.HeldSubnets(ctx)
	w.try(err)
	states, holders := map[whaley.SandboxState]int{}, map[string]int{}
	networks := 0
	for _, o := range objects {
		switch {
		case o.Kind == "network":
			networks++
		case o.Running:
			holders[o.Labels.Instance]++
		default:
			return nil, fmt.Errorf("%s does not run", o.Name)
		}
	}
	for _, sb := range all {
		states[sb.State]++
		if holders[sb.ID] != len(shape.Services) {
			return nil, fmt.Errorf("%s is %s and has %d holders", sb.ID, sb.State, holders[sb.ID])
		}
		if held[sb.Subnet] != sb.ID {
			return nil, fmt.Errorf("%s has %s, which is held by %q", sb.ID, sb.Subnet, held[sb.Subnet])
		}
		delete(holders, sb.ID)
	}
	if len(holders) > 0 || networks != len(all) || len(held) != len(all) {
		return nil, fmt.Errorf(
			"%d sandboxes, %d networks, %d subnets, holders of nobody %v", len(all), networks, len(held), holders,
		)
	}
	return states, nil
}

func (w *world) want(what string, want map[whaley.SandboxState]int) {
	w.t.Helper()
	got, err := w.audit()
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Fatalf("%s: %v %v, want %v", what, got, err, want)
	}
}

func TestASandboxIsOneInstancesAndItsNetworkIsUsedAgain(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, 2)
	p := w.pool(newFaults(0, ""))
	w.try(p.Fill(ctx, w))
	w.want("filled", map[whaley.SandboxState]int{"ready": 2})

	other := whaley.Shape{Egress: true, Services: shape.Services}
	if sb, err := p.Take(ctx, "x", other); sb != nil || err != nil {
		t.Errorf("another shape's: %+v %v", sb, err)
	}
	var taken []*whaley.Sandbox
	for _, id := range []string{"a", "b", "c"} {
		w.instance(id)
		first, err := p.Take(ctx, id, shape)
		w.try(err)
		second, err := p.Take(ctx, id, shape)
		w.try(err)
		if id == "c" {
			if first != nil {
				t.Errorf("a third of two: %+v", first)
			}
			continue
		}
		if first == nil || second == nil || first.ID != second.ID ||
			slices.ContainsFunc(taken, func(sb *whaley.Sandbox) bool { return sb.ID == first.ID }) {
			t.Fatalf("%s gets %+v, then %+v", id, first, second)
		}
		taken = append(taken, first)
	}
	w.size = 1
	w.try(p.Fill(ctx, w))
	before, err := w.engine.List(ctx, taken[0].ID)
	w.try(err)
	w.stopped("a")
	w.try(p.Free(ctx, "a"))
	w.try(p.Free(ctx, "a"))
	w.size = 2
	w.try(p.Fill(ctx, w))
	after, err := w.engine.List(ctx, taken[0].ID)
	w.try(err)
	for _, o := range before {
		if again := slices.ContainsFunc(after, func(n instancer.Object) bool { return n.ID == o.ID }); again != (o.Kind == "network") {
			t.Errorf("%s %s is there again: %t", o.Kind, o.Name, again)
		}
	}

	// What an instance has stays, whatever the pool does; what nobody has goes with the pool.
	w.size = 0
	w.try(p.Reconcile(ctx, w))
	w.try(p.Fill(ctx, w))
	w.want("emptied", map[whaley.SandboxState]int{"taken": 1})
	w.try(p.Discard(ctx, "b"))
	w.try(p.Fill(ctx, w))
	w.want("broken", map[whaley.SandboxState]int{})
}

func TestANetworkWithoutItsHolderIsNobodys(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, 2)
	p := w.pool(newFaults(0, ""))
	w.try(p.Fill(ctx, w))
	w.instance("a")
	taken, err := p.Take(ctx, "a", shape)
	w.try(err)
	all, err := w.db.Sandboxes(ctx)
	w.try(err)
	for _, sb := range all {
		w.try(w.engine.StopContainer(ctx, sb.Holder("db"), 0))
	}
	w.try(p.Reconcile(ctx, w))
	if !slices.Equal(w.lost, []string{taken.Instance}) {
		t.Errorf("told of %v", w.lost)
	}
	w.stopped("a")
	w.try(p.Free(ctx, "a"))
	w.try(p.Fill(ctx, w))
	states, err := w.audit()
	if err != nil || states["ready"] != 2 {
		t.Errorf("%v %v", states, err)
	}
}

// Every step of filling, taking, cleaning and removing fails once, and is once the last before and after which the
// process dies.
func TestNothingIsLeftWhateverStepOfASandboxIsTheLast(t *testing.T) {
	ctx := context.Background()
	life := func(w *world, f *faults) {
		p := w.pool(f)
		p.Reconcile(ctx, w)
		p.Fill(ctx, w)
		p.Take(ctx, "a", shape)
		p.Fill(ctx, w)
		w.stopped("a")
		p.Free(ctx, "a")
		p.Fill(ctx, w)
		w.size = 0
		p.Fill(ctx, w)
	}
	counted := newFaults(0, "")
	w := newWorld(t, 2)
	w.instance("a")
	w.instance("stays")
	life(w, counted)
	if counted.seen < 40 {
		t.Fatalf("a life has only %d steps", counted.seen)
	}
	for at := range counted.seen {
		for _, fault := range []string{"fails", "dies before", "dies after"} {
			w := newWorld(t, 2)
			w.instance("a")
			w.instance("stays")
			first := w.pool(newFaults(0, ""))
			w.try(first.Fill(ctx, w))
			kept, err := first.Take(ctx, "stays", shape)
			w.try(err)
			objects, err := w.engine.List(ctx, kept.ID)
			w.try(err)
			life(w, newFaults(at+1, fault))
			w.size = 2
			next := w.pool(newFaults(0, ""))
			w.try(next.Reconcile(ctx, w))
			w.try(next.Fill(ctx, w))
			states, err := w.audit()
			if err != nil || states["ready"] != 2 || states["taken"] != 1 {
				t.Errorf("step %d %s: %v %v", at+1, fault, states, err)
			}
			if now, err := w.engine.List(ctx, kept.ID); err != nil || len(now) != len(objects) || len(w.lost) > 0 {
				t.Errorf("step %d %s: the one that is in use has %v, had %v, %v lost", at+1, fault, now, objects, w.lost)
			}
		}
	}
	t.Logf("%d steps, %d faults, all clean", counted.seen, 3*counted.seen)
}

var errFault = errors.New("a fault")
