package docker

import (
	"context"
	"math"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
)

// StopContainer asks a container to end and kills it after grace, which is rounded up to seconds.
func (e *Engine) StopContainer(ctx context.Context, id string, grace time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, grace+quick)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	seconds := int(math.Ceil(grace.Seconds()))
	return unlessMissing(api.ContainerStop(ctx, id, container.StopOptions{Timeout: &seconds}))
}

// RemoveContainer removes a container of ours by force, with its unnamed volumes; one that is gone, or being removed,
// is no error.
func (e *Engine) RemoveContainer(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	defer e.commands.lost(id)
	defer e.gates.Delete(id)
	err = api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if !errdefs.IsConflict(err) {
		return unlessMissing(err)
	}
	gone, failed := api.ContainerWait(ctx, id, container.WaitConditionRemoved)
	select {
	case <-gone:
		return nil
	case err := <-failed:
		return unlessMissing(err)
	}
}
