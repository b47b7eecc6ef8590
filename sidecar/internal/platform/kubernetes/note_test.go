package kubernetes_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type noPorts struct{}

func (noPorts) Reserve(context.Context, string, string, string, []int) (map[int]int, error) {
	return nil, nil
}
func (noPorts) Release(context.Context, string) error     { return nil }
func (noPorts) Holders(context.Context) ([]string, error) { return nil, nil }

// What was started runs to whoever looks at its instance, whether that was written down or not: at its first start, and
// at one after its program had ended.
func TestWhatRunsIsSeenToRunAlsoIfNobodyWroteThatDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster, mute := simulated.New(10), new(atomic.Bool)
		life := func() *kubernetes.Platform {
			return kubernetes.New(kubernetes.Needs{
				API: cluster.Client(func(call string) error {
					if mute.Load() && strings.HasPrefix(call, "patch") {
						return errors.New("a fault of the test")
					}
					return nil
				}),
				Images: simulated.Images{Cluster: cluster}, Files: simulated.Files{}, Ports: noPorts{}, Guests: cluster.Ask,
				Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
			}, kubernetes.Options{Namespace: "n", Deployment: "d", Secret: []byte("secret")})
		}
		runs := func(p *kubernetes.Platform) bool {
			all, err := p.List(t.Context(), "i")
			if err != nil || len(all) != 1 {
				t.Fatalf("there is %+v, %v", all, err)
			}
			return all[0].Running
		}
		ch := &whaley.Challenge{ID: "c", Revision: "1", Services: []whaley.Service{{Name: "web", Image: "i", Build: &whaley.Build{}}}}
		p := life()
		if err := p.BuildImage(t.Context(), instancer.BuildSpec{Challenge: ch, Service: &ch.Services[0]}, io.Discard); err != nil {
			t.Fatal(err)
		}
		in, id := &whaley.Instance{ID: "i", State: whaley.Starting, Revision: "1"}, ""
		mute.Store(true)
		err := p.Start(t.Context(), in, instancer.Plan{
			Challenge: ch, Labels: instancer.Labels{Instance: "i", Challenge: "c", Revision: "1"},
			Services: func(*whaley.Instance) ([]instancer.PlannedService, error) {
				return []instancer.PlannedService{{Service: ch.Services[0]}}, nil
			},
		}, instancer.Steps{
			Placed: func(_ context.Context, at instancer.Location) (*whaley.Instance, error) {
				in.Addresses = at.Addresses
				return in, nil
			},
			Step: func(ctx context.Context, _ string) (context.Context, func(error)) { return ctx, func(error) {} },
			Run: func(ctx context.Context, _ *whaley.Instance, made []instancer.Made) error {
				id = made[0].ID
				return p.StartService(ctx, id)
			},
		})
		if err != nil || !runs(life()) {
			t.Fatalf("what has started does not run for the next life: %v", err)
		}
		mute.Store(false)
		time.Sleep(time.Minute) // all is written down by now
		if err := p.StopService(t.Context(), id, 0); err != nil || runs(life()) {
			t.Fatalf("what was stopped runs: %v", err)
		}
		mute.Store(true)
		if err := p.StartService(t.Context(), id); err != nil || !runs(life()) {
			t.Errorf("what was started again does not run for the next life: %v", err)
		}
		mute.Store(false)
		time.Sleep(time.Minute)
	})
}
