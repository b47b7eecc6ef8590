package faulttest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// What can happen to one call.
const (
	fails      = "fails"       // it returns an error and has done nothing
	diesBefore = "dies before" // the process ends just before it
	diesAfter  = "dies after"  // the process ends just after it, knowing nothing of its outcome
	goesOn     = "goes on"     // nothing happens to it, and meanwhile is done after it
)

var errDead = errors.New("this process is dead")

// faults stands between a sidecar's rules and what they work with. A dead sidecar's calls do nothing any more.
type faults struct {
	mu        sync.Mutex
	armed     bool
	seen      []string       // steps since it was armed, in their order
	count     map[string]int // name → calls
	at        string         // the step with the fault
	fault     string
	meanwhile func()
	dead      chan struct{}
	gone      bool
}

func newFaults(at, fault string) *faults {
	return &faults{count: map[string]int{}, at: at, fault: fault, dead: make(chan struct{})}
}

func (f *faults) arm() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = true
}

func (f *faults) steps() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string{}, f.seen...)
}

func (f *faults) die() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.gone {
		f.gone = true
		close(f.dead)
	}
}

func (f *faults) step(name string, do func() error) error {
	f.mu.Lock()
	if f.gone {
		f.mu.Unlock()
		return errDead
	}
	here := ""
	if f.armed {
		f.count[name]++
		here = fmt.Sprintf("%s #%d", name, f.count[name])
		f.seen = append(f.seen, here)
	}
	f.mu.Unlock()
	if here == "" || here != f.at {
		return do()
	}
	switch f.fault {
	case goesOn:
		defer f.meanwhile()
		return do()
	case fails:
		return whaley.Errorf(whaley.Unavailable, "fault", "A fault of the test.")
	case diesAfter:
		_ = do() // nobody is there to hear of it
	}
	f.die()
	return errDead
}

// alive does what no fault happens to, unless the process is dead.
func (f *faults) alive(do func() error) error {
	select {
	case <-f.dead:
		return errDead
	default:
		return do()
	}
}

type faultyStore struct {
	instancer.Store
	f *faults
}

func (s faultyStore) InsertClaiming(
	ctx context.Context, in *whaley.Instance, forms whaley.Forms, q whaley.Quota, ev whaley.Event,
) (claimed *whaley.Waiting, err error) {
	err = s.f.step("row inserted", func() error {
		claimed, err = s.Store.InsertClaiming(ctx, in, forms, q, ev)
		return err
	})
	return claimed, err
}

func (s faultyStore) Update(
	ctx context.Context, id string, from []whaley.State, change func(*whaley.Instance), ev whaley.Event,
) (in *whaley.Instance, err error) {
	err = s.f.step("row updated", func() error {
		in, err = s.Store.Update(ctx, id, from, change, ev)
		return err
	})
	return in, err
}

func (s faultyStore) Get(ctx context.Context, id string) (in *whaley.Instance, err error) {
	err = s.f.step("row read", func() error {
		in, err = s.Store.Get(ctx, id)
		return err
	})
	return in, err
}

type faultySubnets struct {
	containers.Subnets
	f *faults
}

func (s faultySubnets) Reserve(ctx context.Context, instance string) (p netip.Prefix, err error) {
	err = s.f.step("subnet reserved", func() error {
		p, err = s.Subnets.Reserve(ctx, instance)
		return err
	})
	return p, err
}

func (s faultySubnets) Release(ctx context.Context, instance string) error {
	return s.f.step("subnet released", func() error { return s.Subnets.Release(ctx, instance) })
}

type faultyPorts struct {
	containers.Ports
	f *faults
}

func (s faultyPorts) Reserve(
	ctx context.Context, instance, owner, challenge string, internal []int,
) (ports map[int]int, err error) {
	err = s.f.step("ports reserved", func() error {
		ports, err = s.Ports.Reserve(ctx, instance, owner, challenge, internal)
		return err
	})
	return ports, err
}

func (s faultyPorts) Release(ctx context.Context, instance string) error {
	return s.f.step("ports released", func() error { return s.Ports.Release(ctx, instance) })
}

type faultyRouter struct {
	instancer.Router
	f *faults
}

func (s faultyRouter) Publish(ctx context.Context, instance string, routes []whaley.Publication) error {
	return s.f.step("routes published", func() error { return s.Router.Publish(ctx, instance, routes) })
}

func (s faultyRouter) Retract(ctx context.Context, instance string, routes []whaley.Publication) error {
	return s.f.step("routes retracted", func() error { return s.Router.Retract(ctx, instance, routes) })
}

func (s faultyRouter) Sync(ctx context.Context, list func(context.Context) ([]whaley.Publication, error)) error {
	return s.f.step("routes compared", func() error { return s.Router.Sync(ctx, list) })
}

type faultyEngine struct {
	containers.Engine
	f *faults
}

func (s faultyEngine) CreateNetwork(ctx context.Context, spec containers.NetworkSpec) error {
	return s.f.step("network made", func() error { return s.Engine.CreateNetwork(ctx, spec) })
}

func (s faultyEngine) RemoveNetwork(ctx context.Context, name string) error {
	return s.f.step("network removed", func() error { return s.Engine.RemoveNetwork(ctx, name) })
}

func (s faultyEngine) CreateVolume(ctx context.Context, name string, l instancer.Labels) error {
	return s.f.step("volume made", func() error { return s.Engine.CreateVolume(ctx, name, l) })
}

func (s faultyEngine) RemoveVolume(ctx context.Context, name string) error {
	return s.f.step("volume removed", func() error { return s.Engine.RemoveVolume(ctx, name) })
}

func (s faultyEngine) CreateContainer(ctx context.Context, spec containers.ContainerSpec) (id string, err error) {
	err = s.f.step("container made", func() error {
		id, err = s.Engine.CreateContainer(ctx, spec)
		return err
	})
	return id, err
}

func (s faultyEngine) StartContainer(ctx context.Context, id string) error {
	return s.f.step("container started", func() error { return s.Engine.StartContainer(ctx, id) })
}

func (s faultyEngine) StopContainer(ctx context.Context, id string, grace time.Duration) error {
	return s.f.step("container stopped", func() error { return s.Engine.StopContainer(ctx, id, grace) })
}

func (s faultyEngine) RemoveContainer(ctx context.Context, id string) error {
	return s.f.step("container removed", func() error { return s.Engine.RemoveContainer(ctx, id) })
}

func (s faultyEngine) List(ctx context.Context, instance string) (objects []instancer.Object, err error) {
	err = s.f.step("objects listed", func() error {
		objects, err = s.Engine.List(ctx, instance)
		return err
	})
	return objects, err
}

func (s faultyEngine) FillMounts(
	ctx context.Context, id string, ch *whaley.Challenge, svc *whaley.Service, m []whaley.Mount, flags []string,
) error {
	return s.f.step("mounts filled", func() error { return s.Engine.FillMounts(ctx, id, ch, svc, m, flags) })
}

func (s faultyEngine) MakeFiles(
	ctx context.Context, instance string, ch *whaley.Challenge, svc *whaley.Service, image *whaley.ImageFlag,
	flags []string,
) (mounts []whaley.Mount, err error) {
	err = s.f.step("files made", func() error {
		mounts, err = s.Engine.MakeFiles(ctx, instance, ch, svc, image, flags)
		return err
	})
	return mounts, err
}

func (s faultyEngine) RemoveFiles(ctx context.Context, instance string) error {
	return s.f.step("files removed", func() error { return s.Engine.RemoveFiles(ctx, instance) })
}

func (s faultyEngine) PlaceFlag(
	ctx context.Context, id string, ch *whaley.Challenge, svc *whaley.Service, image *whaley.ImageFlag, flags []string,
) error {
	return s.f.step("flag placed", func() error { return s.Engine.PlaceFlag(ctx, id, ch, svc, image, flags) })
}

type faultyFlags struct {
	real instancer.Flags
	f    *faults
}

func (s faultyFlags) Spare(ch *whaley.Challenge) []*whaley.IssuedFlag { return s.real.Spare(ch) }

func (s faultyFlags) AwaitLive(ctx context.Context, owner whaley.Owner, ch *whaley.Challenge) {
	s.real.AwaitLive(ctx, owner, ch)
}

func (s faultyFlags) Flags(ctx context.Context, owner whaley.Owner, ch *whaley.Challenge) (flags []string, err error) {
	err = s.f.step("flag asked for", func() error {
		flags, err = s.real.Flags(ctx, owner, ch)
		return err
	})
	return flags, err
}

// fixedFlags are the same for everybody: what matters here is that they get in.
type fixedFlags struct{}

func (fixedFlags) Flags(_ context.Context, _ whaley.Owner, ch *whaley.Challenge) ([]string, error) {
	return []string{ch.Flag.Flag("0123456789abcdef")}, nil
}

func (fixedFlags) Spare(*whaley.Challenge) []*whaley.IssuedFlag { return nil }

func (fixedFlags) AwaitLive(context.Context, whaley.Owner, *whaley.Challenge) {}
