package docker

import (
	"context"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
)

// See makes an Engine see the host's processes in another folder, as one that runs in a container does.
func (e *Engine) See(proc string) { e.proc.Store(proc) }

// Commands is how many commands run in containers, as far as it is known here.
func (e *Engine) Commands() (n int) {
	e.commands.mu.Lock()
	defer e.commands.mu.Unlock()
	for _, all := range e.commands.of {
		n += len(all)
	}
	return n
}

// OpenGate tells a container that waits at its gate anything.
func (e *Engine) OpenGate(ctx context.Context, instance, service string, m guest.Message) error {
	return e.open(ctx, &gate{instance: instance, service: service}, m)
}

// FenceRuns sets the fence around builds.
func (e *Engine) FenceRuns(ctx context.Context) (release func(), err error) { return e.fenceRuns(ctx) }
