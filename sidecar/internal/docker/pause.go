package docker

import (
	"context"

	"github.com/docker/docker/client"
)

// PauseContainer halts the programs of a container that runs, until it is started; one that is halted stays so.
func (e *Engine) PauseContainer(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	if halted, err := isHalted(ctx, api, id); err != nil || halted {
		return err
	}
	return translate(api.ContainerPause(ctx, id))
}

// proceed has a container go on that is halted, and says whether it was.
func proceed(ctx context.Context, api *client.Client, id string) (bool, error) {
	halted, err := isHalted(ctx, api, id)
	if err != nil || !halted {
		return false, err
	}
	return true, translate(api.ContainerUnpause(ctx, id))
}

func isHalted(ctx context.Context, api *client.Client, id string) (bool, error) {
	found, err := api.ContainerInspect(ctx, id)
	if err != nil {
		return false, translate(err)
	}
	return found.State != nil && found.State.Paused, nil
}
