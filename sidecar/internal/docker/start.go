package docker

import (
	"context"

	"github.com/docker/docker/api/types/container"
)

// StartContainer starts a container; one that runs already is no error, and one that is halted goes on. One that begins
// at its gate and was told nothing yet stays there.
func (e *Engine) StartContainer(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	g, err := e.gateOf(ctx, api, id)
	if err != nil {
		return err
	}
	if g != nil {
		return e.startGated(ctx, api, id, g)
	}
	if err = api.ContainerStart(ctx, id, container.StartOptions{}); err == nil {
		return nil
	}
	if halted, _ := proceed(ctx, api, id); halted {
		return nil
	}
	return translate(err)
}

// Wait blocks until the container has ended and returns its exit code.
func (e *Engine) Wait(ctx context.Context, id string) (int, error) {
	api, err := e.api(ctx)
	if err != nil {
		return 0, err
	}
	ended, failed := api.ContainerWait(ctx, id, container.WaitConditionNotRunning)
	select {
	case end := <-ended:
		return int(end.StatusCode), nil
	case err := <-failed:
		return 0, translate(err)
	}
}
