package sandbox_test

import (
	"context"
	"net/netip"
	"sync"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/sandbox"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// faults counts the calls of one life of a sidecar and lets one of them go wrong. What is dead does nothing any more.
type faults struct {
	mu    sync.Mutex
	seen  int
	at    int
	fault string
	dead  bool
}

func newFaults(at int, fault string) *faults { return &faults{at: at, fault: fault} }

func (f *faults) step(do func() error) error {
	f.mu.Lock()
	f.seen++
	now := f.seen == f.at
	if now && f.fault == "dies before" {
		f.dead = true
	}
	gone := f.dead || now && f.fault == "fails"
	if now && f.fault == "dies after" {
		f.dead = true
	}
	f.mu.Unlock()
	if gone {
		return errFault
	}
	if err := do(); err != nil || !now {
		return err
	}
	return errFault // its outcome is never known
}

func stepped[T any](f *faults, do func() (T, error)) (out T, err error) {
	err = f.step(func() (err error) {
		out, err = do()
		return err
	})
	return out, err
}

type faultyStore struct {
	sandbox.Store
	f *faults
}

func (s faultyStore) AddSandbox(ctx context.Context, sb *whaley.Sandbox) error {
	return s.f.step(func() error { return s.Store.AddSandbox(ctx, sb) })
}

func (s faultyStore) Sandboxes(ctx context.Context) ([]*whaley.Sandbox, error) {
	return stepped(s.f, func() ([]*whaley.Sandbox, error) { return s.Store.Sandboxes(ctx) })
}

func (s faultyStore) TakeSandbox(ctx context.Context, instance string, shape whaley.Shape) (*whaley.Sandbox, error) {
	return stepped(s.f, func() (*whaley.Sandbox, error) { return s.Store.TakeSandbox(ctx, instance, shape) })
}

func (s faultyStore) FreeSandbox(ctx context.Context, instance string, to whaley.SandboxState) (bool, error) {
	return stepped(s.f, func() (bool, error) { return s.Store.FreeSandbox(ctx, instance, to) })
}

func (s faultyStore) MoveSandbox(ctx context.Context, sb *whaley.Sandbox, to whaley.SandboxState) (bool, error) {
	return stepped(s.f, func() (bool, error) { return s.Store.MoveSandbox(ctx, sb, to) })
}

func (s faultyStore) DropSandbox(ctx context.Context, id string) error {
	return s.f.step(func() error { return s.Store.DropSandbox(ctx, id) })
}

type faultySubnets struct {
	sandbox.Subnets
	f *faults
}

func (s faultySubnets) Reserve(ctx context.Context, holder string) (netip.Prefix, error) {
	return stepped(s.f, func() (netip.Prefix, error) { return s.Subnets.Reserve(ctx, holder) })
}

func (s faultySubnets) Release(ctx context.Context, holder string) error {
	return s.f.step(func() error { return s.Subnets.Release(ctx, holder) })
}

type faultyEngine struct {
	sandbox.Engine
	f *faults
}

func (s faultyEngine) CreateNetwork(ctx context.Context, spec containers.NetworkSpec) error {
	return s.f.step(func() error { return s.Engine.CreateNetwork(ctx, spec) })
}

func (s faultyEngine) RemoveNetwork(ctx context.Context, name string) error {
	return s.f.step(func() error { return s.Engine.RemoveNetwork(ctx, name) })
}

func (s faultyEngine) CreateContainer(ctx context.Context, spec containers.ContainerSpec) (string, error) {
	return stepped(s.f, func() (string, error) { return s.Engine.CreateContainer(ctx, spec) })
}

func (s faultyEngine) StartContainer(ctx context.Context, id string) error {
	return s.f.step(func() error { return s.Engine.StartContainer(ctx, id) })
}

func (s faultyEngine) RemoveContainer(ctx context.Context, id string) error {
	return s.f.step(func() error { return s.Engine.RemoveContainer(ctx, id) })
}

func (s faultyEngine) List(ctx context.Context, id string) ([]instancer.Object, error) {
	return stepped(s.f, func() ([]instancer.Object, error) { return s.Engine.List(ctx, id) })
}
