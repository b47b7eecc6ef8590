package docker

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/containerd/errdefs"
	buildapi "github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/jsonmessage"
	"github.com/moby/go-archive"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// BuildImage makes sure that a service's image is there: builds it if the challenge says how, else pulls it. One that
// is there already is not touched, since its tag names the revision.
func (e *Engine) BuildImage(ctx context.Context, ch *instancer.Challenge, svc *instancer.Service, log io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, build)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	_, err = api.ImageInspect(ctx, svc.Image)
	if !errdefs.IsNotFound(err) {
		return translate(err)
	}
	if svc.Build == nil {
		return failedImage(svc, e.pull(ctx, svc.Image, log))
	}
	return failedImage(svc, e.build(ctx, ch, svc, log))
}

// failedImage keeps what is the engine's own trouble apart from what is the challenge's.
func failedImage(svc *instancer.Service, err error) error {
	if err = translate(err); err == nil || instancer.CodeOf(err) == "engine_unavailable" {
		return err
	}
	return instancer.Errorf(instancer.Unavailable, "image_failed",
		"The image of the challenge's service %s could not be made. Tell an organiser: the log says why.", svc.Name).Because(err)
}

func (e *Engine) pull(ctx context.Context, name string, log io.Writer) error {
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	stream, err := api.ImagePull(ctx, name, image.PullOptions{})
	if err != nil {
		return err
	}
	defer stream.Close()
	return jsonmessage.DisplayJSONMessagesStream(stream, log, 0, false, nil)
}

func (e *Engine) build(ctx context.Context, ch *instancer.Challenge, svc *instancer.Service, log io.Writer) error {
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	excludes, err := ignored(svc.Build.Context, svc.Build.Dockerfile)
	if err != nil {
		return err
	}
	files, err := archive.TarWithOptions(svc.Build.Context, &archive.TarOptions{ExcludePatterns: excludes})
	if err != nil {
		return err
	}
	defer files.Close()
	arguments := map[string]*string{}
	for name, value := range svc.Build.Args {
		arguments[name] = &value
	}
	built, err := api.ImageBuild(ctx, files, buildapi.ImageBuildOptions{
		Tags: []string{svc.Image}, Dockerfile: svc.Build.Dockerfile, Target: svc.Build.Target, BuildArgs: arguments,
		Version: buildapi.BuilderV1, // needs nothing but the engine; the other wants a session with this process
		Remove:  true, ForceRemove: true,
		Labels: map[string]string{labelManaged: "true", labelDeployment: e.deployment, labelChallenge: ch.ID, labelRevision: ch.Revision},
	})
	if err != nil {
		return err
	}
	defer built.Body.Close()
	if err := jsonmessage.DisplayJSONMessagesStream(built.Body, log, 0, false, nil); err != nil {
		return fmt.Errorf("build %s: %w", svc.Image, err)
	}
	return nil
}

// ignored reads .dockerignore as the docker command does: never leaving out what the build itself needs.
func ignored(folder, dockerfile string) ([]string, error) {
	f, err := os.Open(filepath.Join(folder, ".dockerignore"))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	patterns, err := ignorefile.ReadAll(f)
	if err != nil {
		return nil, err
	}
	return append(patterns, "!"+dockerfile, "!.dockerignore"), nil
}

// ImageHealth is the check that an image defines itself, nil if none.
func (e *Engine) ImageHealth(ctx context.Context, name string) (*instancer.Health, error) {
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
	health := &instancer.Health{Test: check.Test[1:], Timeout: check.Timeout}
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
