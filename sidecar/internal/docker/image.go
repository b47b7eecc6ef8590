package docker

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/jsonmessage"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// BuildImage makes sure that a service's image is there: builds it if the challenge says how, else pulls it. One that
// is there already is not touched unless it shall be made again, since its tag names the revision. It may take for as
// long as ctx allows.
func (e *Engine) BuildImage(ctx context.Context, spec instancer.BuildSpec, log io.Writer) error {
	if spec.Service.Relay {
		return e.relayImage(ctx)
	}
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	svc := spec.Service
	_, err = api.ImageInspect(ctx, svc.Image)
	if err != nil && !errdefs.IsNotFound(err) {
		return translate(err)
	}
	if err == nil && (!spec.Again || svc.Build == nil) {
		fmt.Fprintf(log, "%s is there\n", svc.Image)
		return nil
	}
	if svc.Archive != "" {
		return failedImage(svc, e.load(ctx, spec, log))
	}
	if svc.Build == nil {
		return failedImage(svc, e.pull(ctx, svc.Image, log))
	}
	return failedImage(svc, e.build(ctx, spec, log))
}

// failedImage keeps what is the engine's own trouble apart from what is the challenge's.
func failedImage(svc *whaley.Service, err error) error {
	if err = translate(err); err == nil || whaley.CodeOf(err) == "engine_unavailable" {
		return err
	}
	return whaley.Errorf(whaley.Unavailable, "image_failed",
		"The image of the challenge's service %s could not be made. Tell an organiser: the log says why.", svc.Name).Because(
		err,
	)
}

func (e *Engine) pull(ctx context.Context, name string, log io.Writer) error {
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	login, err := e.logins.OfImage(name)
	if err != nil {
		return err
	}
	stream, err := api.ImagePull(ctx, name, image.PullOptions{RegistryAuth: login})
	if err != nil {
		return fmt.Errorf("pull %s: %w", name, err)
	}
	defer stream.Close()
	return jsonmessage.DisplayJSONMessagesStream(stream, log, 0, false, nil)
}

// ImageHealth is the check that an image defines itself, nil if none.
func (e *Engine) ImageHealth(ctx context.Context, name string) (*whaley.Health, error) {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return nil, err
	}
	found, err := api.ImageInspect(ctx, name)
	if err != nil {
		return nil, translate(err)
	}
	if found.Config == nil || found.Config.Healthcheck == nil || len(found.Config.Healthcheck.Test) < 2 {
		return nil, nil
	}
	check := found.Config.Healthcheck
	health := &whaley.Health{Test: check.Test[1:], Timeout: check.Timeout}
	if check.Test[0] == "CMD-SHELL" {
		shell := found.Config.Shell
		if len(shell) == 0 {
			shell = []string{"/bin/sh", "-c"}
		}
		health.Test = append(append([]string{}, shell...), check.Test[1])
	}
	if health.Timeout == 0 {
		health.Timeout = 30 * time.Second
	}
	return health, nil
}

// SameImage says whether two images have the same layers and settings.
func (e *Engine) SameImage(ctx context.Context, a, b string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return false, err
	}
	one, err := api.ImageInspect(ctx, a)
	if err != nil {
		return false, translate(err)
	}
	other, err := api.ImageInspect(ctx, b)
	if err != nil {
		return false, translate(err)
	}
	settings := func(i image.InspectResponse) string {
		if i.Config == nil {
			return ""
		}
		return fmt.Sprint(i.Config.Env, i.Config.Entrypoint, i.Config.Cmd, i.Config.Healthcheck)
	}
	return slices.Equal(one.RootFS.Layers, other.RootFS.Layers) && settings(one) == settings(other), nil
}
