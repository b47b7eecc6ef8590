package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"

	buildapi "github.com/docker/docker/api/types/build"
	"github.com/docker/docker/pkg/jsonmessage"

	"github.com/whaley-ctf/whaley/sidecar/internal/buildkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/sentinel"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// build makes an image out of a service's context.
func (e *Engine) build(ctx context.Context, spec instancer.BuildSpec, log io.Writer) error {
	if _, err := e.api(ctx); err != nil {
		return err
	}
	b := spec.Service.Build
	files, dockerfile, err := buildContext(b, spec.Challenge)
	if err != nil {
		return err
	}
	defer files.Close()
	swaps := swapsOf(spec.Challenge, spec.Flags)
	arguments := map[string]string{}
	for name, value := range b.Args {
		replaced, _ := sentinel.Replace([]byte(value), swaps)
		arguments[name] = string(replaced)
	}
	content := files
	if len(swaps) > 0 {
		content = withFlags(files, swaps)
		defer content.Close()
	}
	open, err := e.fenceRuns(ctx)
	if err != nil {
		e.unbounded(log, err)
	} else {
		defer open()
	}
	held, ctx := e.bound(ctx, log)
	defer held.close()
	switch {
	case e.buildKit(b):
		err = e.withBuildKit(ctx, spec, content, dockerfile, arguments, swaps, held)
	case addsByVariable(dockerfileOf(b)):
		err = errors.New("ADD of a variable is built by BuildKit only, which sees what is fetched: set BUILDER to auto, or name the file")
	default:
		err = e.classic(ctx, spec, content, dockerfile, arguments, held)
	}
	if ctx.Err() != nil {
		err = ctx.Err() // which BuildKit tells in words of its own
	}
	if err != nil {
		err = held.cause(err)
		if killed.MatchString(err.Error()) && e.builds.MemoryBytes > 0 {
			err = fmt.Errorf("%w: it was killed, most likely for its memory: it may use %d MB (BUILD_MAX_MEMORY)",
				err, e.builds.MemoryBytes>>20)
		}
		return fmt.Errorf("build %s: %w", spec.Service.Image, err)
	}
	return nil
}

// killed is how both builders tell of a RUN that was ended by SIGKILL, as the kernel does for memory.
var killed = regexp.MustCompile(`code: 137$`)

// classic builds with what every engine has.
func (e *Engine) classic(
	ctx context.Context, spec instancer.BuildSpec, content io.Reader, dockerfile string, arguments map[string]string,
	log io.Writer,
) error {
	logins, err := e.logins.All()
	if err != nil {
		return err
	}
	pointers := map[string]*string{}
	for name, value := range arguments {
		pointers[name] = &value
	}
	built, err := e.client.ImageBuild(ctx, content, buildapi.ImageBuildOptions{
		Memory: e.builds.MemoryBytes, MemorySwap: e.builds.MemoryBytes, // the same: no swap
		CPUPeriod: cpuPeriod, CPUQuota: e.builds.NanoCPUs * cpuPeriod / 1e9,
		Tags: []string{spec.Service.Image}, Dockerfile: dockerfile, Target: spec.Service.Build.Target, BuildArgs: pointers,
		Version: buildapi.BuilderV1, Remove: true, ForceRemove: true, NoCache: spec.Again, Labels: e.labelsOf(spec),
		AuthConfigs: logins,
	})
	if err != nil {
		return err
	}
	defer built.Body.Close()
	return jsonmessage.DisplayJSONMessagesStream(built.Body, log, 0, false, nil)
}

// withBuildKit builds what the classic builder cannot.
func (e *Engine) withBuildKit(
	ctx context.Context, spec instancer.BuildSpec, content io.ReadCloser, dockerfile string, arguments map[string]string,
	swaps []sentinel.Swap, log io.Writer,
) error {
	secrets, err := secretsOf(spec.Service.Build, swaps)
	if err != nil {
		return err
	}
	one := buildkit.Build{
		Image: spec.Service.Image, Context: content, Dockerfile: dockerfile, Target: spec.Service.Build.Target,
		Args:   arguments,
		Labels: e.labelsOf(spec), Secrets: secrets, Logins: e.logins.NameAndPassword, Fetch: e.fetch,
		Again: spec.Again || len(secrets) > 0, // BuildKit takes a step with another secret for the same
	}
	dial := func(ctx context.Context, address, protocol string, header map[string][]string) (net.Conn, error) {
		return e.client.DialHijack(ctx, address, protocol, header)
	}
	wrote, release, unbounded := e.holdRuns(ctx)
	if unbounded != nil {
		e.unbounded(log, unbounded)
	} else {
		defer release()
	}
	if err = one.Run(ctx, dial, log); err == nil || ctx.Err() != nil {
		return err
	}
	if unbounded == nil {
		if n, most := wrote(), e.builds.DiskBytes; n > 0 {
			return fmt.Errorf("a RUN has written %d MB; it may write %d MB (BUILD_MAX_DISK)", n>>20, most>>20)
		}
	}
	if _, gone := e.client.Ping(ctx); gone != nil { // else the engine's end would count as the challenge's fault
		return gone
	}
	return err
}

// unbounded tells whoever runs this, and who reads the build's log.
func (e *Engine) unbounded(log io.Writer, err error) {
	e.log.Error("a build is not held to all its bounds", "err", err)
	fmt.Fprintf(log, "warning: this build is not held to all its bounds: %s\n", err)
}

func (e *Engine) labelsOf(spec instancer.BuildSpec) map[string]string {
	return map[string]string{labelManaged: "true", labelDeployment: e.deployment, labelChallenge: spec.Challenge.ID,
		labelRevision: spec.Challenge.Revision, labelOwner: spec.Owner}
}

// secretsOf are the files that RUN --mount=type=secret sees, with flags in the places of placeholders as in the
// context.
func secretsOf(b *whaley.Build, swaps []sentinel.Swap) (map[string][]byte, error) {
	secrets := map[string][]byte{}
	for id, file := range b.Secrets {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the build's secret %s: %w", id, err)
		}
		if len(swaps) > 0 && sentinel.IsText(text) {
			text, _ = sentinel.Replace(text, swaps)
		}
		secrets[id] = text
	}
	return secrets, nil
}

const cpuPeriod = 100_000 // microseconds

// modern is what the classic builder does not know: a frontend, RUN --mount, --link, --chmod, here-documents, ADD
// --checksum, COPY --parents.
var modern = regexp.MustCompile(
	`(?im)^\s*#\s*syntax\s*=|^\s*(RUN|COPY|ADD)\s+(--\S+\s+)*--(mount|link|chmod|parents|exclude|checksum|network|security)\b|^\s*(RUN|COPY|ADD)\s.*<<-?["']?[A-Za-z_]`,
)

// buildKit says whether a build needs BuildKit. The classic builder does without it, is on every engine, and keeps its
// layers where others find them.
func (e *Engine) buildKit(b *whaley.Build) bool {
	switch e.builder {
	case BuilderBuildKit:
		return true
	case BuilderClassic:
		return false
	}
	text := dockerfileOf(b)
	return len(b.Secrets) > 0 || modern.Match(text) || addsByVariable(text)
}

// dockerfileOf is the text that a build follows; none if it cannot be read, which the builder tells.
func dockerfileOf(b *whaley.Build) []byte {
	if b.Dockerfile == "" {
		return []byte(b.Inline)
	}
	text, _ := os.ReadFile(filepath.Join(b.Context, b.Dockerfile))
	return text
}

var (
	skipped   = regexp.MustCompile(`(?m)^[ \t]*(#.*)?\r?\n`) // which ends no instruction
	continued = regexp.MustCompile("[\\\\`][ \\t\\r\\v\\f]*\\n")
	adding    = regexp.MustCompile(`(?im)^\s*(ONBUILD\s+)*ADD\s.*\$`)
)

// addsByVariable says whether an ADD may turn out to be of an address, which the classic builder would fetch unseen.
func addsByVariable(dockerfile []byte) bool {
	return adding.Match(continued.ReplaceAll(skipped.ReplaceAll(dockerfile, nil), nil))
}
