package containers

import (
	"context"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// Terminals begins shells in containers.
type Terminals interface {
	Shell(ctx context.Context, id, service string, size instancer.TerminalSize) (instancer.Terminal, error)
}

var _ instancer.Shells = (*Platform)(nil)

// Shell begins a shell in the container of a service; see instancer.Shells.
func (c *Platform) Shell(
	ctx context.Context, instance, service string, size instancer.TerminalSize,
) (instancer.Terminal, error) {
	if c.terminals == nil {
		return nil, instancer.NoShell(service)
	}
	objects, err := c.engine.List(ctx, instance)
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		if o.Kind == "container" && o.Labels.Service == service && service != "" && o.Running {
			return c.terminals.Shell(ctx, o.ID, service, size)
		}
	}
	return nil, instancer.NoSuchService(service)
}
