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
	finder := finderOf(spec.Challenge)
	arguments := map[string]*string{}
	for name, value := range b.Args {
		if spec.Flag != "" {
			replaced, _ := finder.Replace([]byte(value), spec.Flag)
			value = string(replaced)
		}
		arguments[name] = &value
	}
	content := files
	if spec.Flag != "" {
		content = withFlag(files, finder, spec.Flag)
		defer content.Close()
	}
	version := buildapi.BuilderV1
	if e.buildKit(b) {
		version = buildapi.BuilderBuildKit // needs no session with this process as long as nothing is asked of it
	}
	network, err := e.networkFor(ctx, version, log)
	if err != nil {
		return err
	}
	held, ctx := e.bound(ctx, log)
	defer held.close()
	built, err := api.ImageBuild(ctx, content, buildapi.ImageBuildOptions{
		NetworkMode: network, Memory: e.builds.MemoryBytes, MemorySwap: e.builds.MemoryBytes, // the same: no swap
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

// networkFor is the network of a build's RUN lines.
func (e *Engine) networkFor(ctx context.Context, version buildapi.BuilderVersion, log io.Writer) (string, error) {
	switch {
	case e.network == nil:
		return "", nil
	case version == buildapi.BuilderBuildKit:
		fmt.Fprintln(log, "This Dockerfile needs BuildKit, whose RUN lines have no network here: nothing would keep them from this host. "+
			"Write it for the classic builder, or set BUILD_NETWORK=engine.")
		return "none", nil
	}
	return e.network(ctx)
}

// modern is what the classic builder does not know: a frontend, RUN --mount, --link, --chmod, here-documents, ADD
// --checksum, COPY --parents.
var modern = regexp.MustCompile(`(?im)^\s*#\s*syntax\s*=|^\s*(RUN|COPY|ADD)\s+(--\S+\s+)*--(mount|link|chmod|parents|exclude|checksum|network|security)\b|^\s*(RUN|COPY|ADD)\s.*<<-?["']?[A-Za-z_]`)

// buildKit says whether a build needs BuildKit. The classic builder does without it, is on every engine, and keeps its
// layers where others find them.
func (e *Engine) buildKit(b *instancer.Build) bool {
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
