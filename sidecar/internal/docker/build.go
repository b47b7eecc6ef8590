package docker

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	buildapi "github.com/docker/docker/api/types/build"
	"github.com/docker/docker/pkg/jsonmessage"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/sentinel"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// build makes an image out of a service's context.
func (e *Engine) build(ctx context.Context, spec instancer.BuildSpec, log io.Writer) error {
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	b := spec.Service.Build
	files, dockerfile, err := buildContext(b, spec.Challenge)
	if err != nil {
		return err
	}
	defer files.Close()
	swaps := swapsOf(spec.Challenge, spec.Flags)
	arguments := map[string]*string{}
	for name, value := range b.Args {
		replaced, _ := sentinel.Replace([]byte(value), swaps)
		value = string(replaced)
		arguments[name] = &value
	}
	content := files
	if len(swaps) > 0 {
		content = withFlags(files, swaps)
		defer content.Close()
	}
	version := buildapi.BuilderV1
	if e.buildKit(b) {
		version = buildapi.BuilderBuildKit // needs no session with this process as long as nothing is asked of it
	}
	held, ctx := e.bound(ctx, log)
	defer held.close()
	built, err := api.ImageBuild(ctx, content, buildapi.ImageBuildOptions{
		Memory: e.builds.MemoryBytes, MemorySwap: e.builds.MemoryBytes, // the same: no swap
		CPUPeriod: cpuPeriod, CPUQuota: e.builds.NanoCPUs * cpuPeriod / 1e9,
		Tags: []string{spec.Service.Image}, Dockerfile: dockerfile, Target: b.Target, BuildArgs: arguments,
		Version: version, Remove: true, ForceRemove: true, NoCache: spec.Again,
		Labels: map[string]string{labelManaged: "true", labelDeployment: e.deployment, labelChallenge: spec.Challenge.ID,
			labelRevision: spec.Challenge.Revision, labelOwner: spec.Owner},
	})
	if err != nil {
		return err
	}
	defer built.Body.Close()
	trace := &trace{log: held, named: map[string]bool{}}
	if err := jsonmessage.DisplayJSONMessagesStream(built.Body, held, 0, false, trace.add); err != nil {
		return fmt.Errorf("build %s: %w", spec.Service.Image, held.cause(err))
	}
	return held.cause(ctx.Err())
}

const cpuPeriod = 100_000 // microseconds

// modern is what the classic builder does not know: a frontend, RUN --mount, --link, --chmod, here-documents, ADD
// --checksum, COPY --parents.
var modern = regexp.MustCompile(`(?im)^\s*#\s*syntax\s*=|^\s*(RUN|COPY|ADD)\s+(--\S+\s+)*--(mount|link|chmod|parents|exclude|checksum|network|security)\b|^\s*(RUN|COPY|ADD)\s.*<<-?["']?[A-Za-z_]`)

// buildKit says whether a build needs BuildKit. The classic builder does without it, is on every engine, and keeps its
// layers where others find them.
func (e *Engine) buildKit(b *whaley.Build) bool {
	switch e.builder {
	case BuilderBuildKit:
		return true
	case BuilderClassic:
		return false
	}
	if b.Dockerfile == "" {
		return modern.MatchString(b.Inline)
	}
	text, err := os.ReadFile(filepath.Join(b.Context, b.Dockerfile))
	return err == nil && modern.Match(text)
}
