package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
)

// BuildLimits are what the RUN lines of one build may use; 0: no limit. BuildKit, which has containers of its own that
// nobody else sees, is held to them by the warden.
type BuildLimits struct {
	MemoryBytes int64
	NanoCPUs    int64
	Pids        int64
	DiskBytes   int64 // of one RUN
}

const (
	maxOutput = 64 << 20        // bytes that a build may print
	maxNamed  = 1000            // containers that a build may name: it has one for each of its lines
	diskEvery = 5 * time.Second // how often what a RUN has written is looked at, at most
)

// bounded is what a build prints on its way to its log, and what holds the build to its limits meanwhile.
type bounded struct {
	engine *Engine
	out    io.Writer
	end    context.CancelCauseFunc
	left   int64
	began  time.Time

	ctx   context.Context
	looks sync.WaitGroup
	named map[string]bool // containers it is said to run in
}

func (e *Engine) bound(ctx context.Context, out io.Writer) (*bounded, context.Context) {
	ctx, end := context.WithCancelCause(ctx)
	return &bounded{engine: e, out: out, end: end, left: maxOutput, began: time.Now(), ctx: ctx, named: map[string]bool{}},
		ctx
}

// close ends all looks.
func (b *bounded) close() {
	b.end(nil)
	b.looks.Wait()
}

// cause is why a build was ended by its limits, else the error itself.
func (b *bounded) cause(err error) error {
	if why := context.Cause(b.ctx); err != nil && why != nil && !errors.Is(why, context.Canceled) &&
		!errors.Is(why, context.DeadlineExceeded) {
		return why
	}
	return err
}

// running is how the classic builder tells of the container of a RUN, before it starts it.
var running = regexp.MustCompile(`(?m)^ ---> Running in ([0-9a-f]{12})\s*$`)

func (b *bounded) Write(text []byte) (int, error) {
	if b.left -= int64(len(text)); b.left < 0 {
		err := fmt.Errorf("the build has printed more than %d MB", maxOutput>>20)
		b.end(err)
		return 0, err
	}
	if !bytes.Contains(text, []byte(" ---> Running in ")) { // far faster than the expression, for what prints without end
		return b.out.Write(text)
	}
	for _, m := range running.FindAllSubmatch(text, -1) {
		if id := string(m[1]); !b.named[id] { // a RUN may print such a line too, of any container and as often as it likes
			if b.named[id] = true; len(b.named) > maxNamed {
				err := fmt.Errorf("the build has printed more than %d lines as the engine's own (Running in …)", maxNamed)
				b.end(err)
				return 0, err
			}
			b.hold(id)
		}
	}
	return b.out.Write(text)
}

// hold bounds the container of a RUN in what the engine's builder has no option for.
func (b *bounded) hold(id string) {
	ctx := b.ctx
	if !b.ofABuild(ctx, id) {
		return
	}
	limits := b.engine.builds
	if limits.Pids > 0 {
		update := container.UpdateConfig{Resources: container.Resources{PidsLimit: &limits.Pids}}
		if _, err := b.engine.client.ContainerUpdate(ctx, id, update); err != nil && ctx.Err() == nil {
			b.engine.log.Debug("processes of a build not bounded", "container", id, "err", err) // it has ended already
		}
	}
	if limits.DiskBytes > 0 {
		b.looks.Go(func() { b.watch(ctx, id, limits.DiskBytes) })
	}
}

// ofABuild says whether a container can be one that a builder has made since this build began.
func (b *bounded) ofABuild(ctx context.Context, id string) bool {
	found, err := b.engine.client.ContainerInspect(ctx, id)
	if err != nil || found.Config == nil || found.ContainerJSONBase == nil {
		return false
	}
	created, err := time.Parse(time.RFC3339Nano, found.Created)
	_, ours := found.Config.Labels[labelInstance]
	return err == nil && !ours && created.After(b.began.Add(-time.Minute)) // the engine's clock may be another
}

// watch ends a build whose RUN writes too much.
func (b *bounded) watch(ctx context.Context, id string, most int64) {
	pause := diskEvery
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		began := time.Now()
		found, _, err := b.engine.client.ContainerInspectWithRaw(ctx, id, true)
		if err != nil {
			return // it has ended
		}
		if found.ContainerJSONBase != nil && found.SizeRw != nil && *found.SizeRw > most {
			b.end(fmt.Errorf("a RUN has written %d MB; it may write %d MB (BUILD_MAX_DISK)", *found.SizeRw>>20, most>>20))
			return
		}
		pause = max(diskEvery, 4*time.Since(began)) // the engine counts files for it
	}
}
