package sandbox_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// stuckEngine cannot remove what belongs to some sandboxes, nor make containers of some names.
type stuckEngine struct {
	*simulated.Engine
	stuck   map[string]bool // ids of sandboxes
	refused string          // name of a service
	tries   *atomic.Int64
}

func (e stuckEngine) fails(sandbox string) error {
	if e.stuck[sandbox] {
		e.tries.Add(1)
		return errFault
	}
	return nil
}

func (e stuckEngine) RemoveContainer(ctx context.Context, id string) error {
	objects, err := e.List(ctx, "")
	if err != nil {
		return err
	}
	for _, o := range objects {
		if o.ID == id && e.fails(o.Labels.Instance) != nil {
			return errFault
		}
	}
	return e.Engine.RemoveContainer(ctx, id)
}

func (e stuckEngine) CreateContainer(ctx context.Context, spec containers.ContainerSpec) (string, error) {
	if spec.Labels.Service == e.refused {
		e.tries.Add(1)
		return "", errFault
	}
	return e.Engine.CreateContainer(ctx, spec)
}

// inBubble runs a test whose pauses take no time; the database is closed before its end.
func inBubble(t *testing.T, size int, test func(t *testing.T, w *world, engine stuckEngine)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, size)
		test(t, w, stuckEngine{Engine: w.engine, stuck: map[string]bool{}, tries: new(atomic.Int64)})
	})
}

func TestASandboxThatCannotBeRemovedHoldsUpNoOther(t *testing.T) {
	for name, back := range map[string]whaley.SandboxState{"used": whaley.SandboxUsed, "gone": whaley.SandboxGone} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 3, func(t *testing.T, w *world, engine stuckEngine) {
				ctx := context.Background()
				p := w.poolOn(engine)
				w.try(p.Fill(ctx, w))
				for _, id := range []string{"a", "b", "c"} {
					w.instance(id)
					sb, err := p.Take(ctx, id, shape)
					w.try(err)
					if id == "a" {
						engine.stuck[sb.ID] = true
					}
				}
				for _, id := range []string{"a", "b", "c"} { // the stuck one is the first to be cleared
					w.stopped(id)
					if back == whaley.SandboxGone {
						w.try(p.Discard(ctx, id))
					} else {
						w.try(p.Free(ctx, id))
					}
				}
				if err := p.Fill(ctx, w); err == nil {
					t.Error("nothing was told of what is stuck")
				}
				if states := w.states(); states["ready"] != 3 || states["used"]+states["gone"] != 1 || states["cleaning"] != 0 {
					t.Errorf("with one stuck: %v", states)
				}
				tries := engine.tries.Load()
				w.try(p.Fill(ctx, w))
				if engine.tries.Load() != tries {
					t.Error("it was tried again at once")
				}
				clear(engine.stuck)
				time.Sleep(11 * time.Second)
				w.try(p.Fill(ctx, w))
				if states := w.states(); states["ready"] != 3 || states["used"]+states["gone"] != 0 {
					t.Errorf("once it can be removed: %v", states)
				}
			})
		})
	}
}

func TestAShapeThatCannotBeMadeHoldsUpNoOther(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, w *world, engine stuckEngine) {
		ctx := context.Background()
		engine.refused = "bad"
		bad := whaley.Shape{Services: []whaley.Seat{{Name: "bad"}}}
		w.shapes = []whaley.Shape{bad, shape}
		p := w.poolOn(engine)
		for range 3 {
			p.Fill(ctx, w)
		}
		all, err := w.db.Sandboxes(ctx)
		w.try(err)
		ready := slices.DeleteFunc(all, func(sb *whaley.Sandbox) bool { return sb.State != whaley.SandboxReady })
		if len(ready) != 2 || engine.tries.Load() != 1 {
			t.Errorf("%d of the good shape are ready, and the bad one was tried %d times", len(ready), engine.tries.Load())
		}
		if slices.ContainsFunc(
			ready, func(sb *whaley.Sandbox) bool { return strings.Contains(sb.Shape.Services[0].Name, "bad") },
		) {
			t.Error("one that could not be made is ready")
		}
	})
}
