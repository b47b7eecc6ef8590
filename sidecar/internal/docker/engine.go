package docker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docker/docker/client"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/registry"
)

// Deadlines of calls, beyond what their callers allow.
const (
	quick = 30 * time.Second // a healthy engine needs a fraction of a second
	slow  = 2 * time.Minute  // starting and removing with hundreds of networks

	replaceFor   = 10 * time.Second // for what the engine was at when its asker died
	replaceEvery = 50 * time.Millisecond
)

// Engine speaks to one Docker engine on behalf of one deployment.
type Engine struct {
	client     *client.Client
	deployment string
	purpose    string // empty: instances
	folder     string
	builder    Builder
	builds     BuildLimits
	logins     *registry.Logins
	fetch      func(address string) bool
	program    string
	log        *slog.Logger
	standIn    func() (string, error) // the file that containers with a jail are given
	guard      func() error           // nil: nothing is refused

	commands commands
	gates    sync.Map     // container → *gate; nil: it has none
	proc     atomic.Value // string: where the host's processes are seen

	disk    disk
	wardens wardens
	fence   Fence // nil: none
	fences  fences

	negotiating sync.Mutex
	negotiated  atomic.Bool
}

var _ containers.Engine = (*Engine)(nil)

// Builder is what builds images.
type Builder string

// The builders.
const (
	BuilderAuto     Builder = "auto" // the classic one unless a Dockerfile needs BuildKit
	BuilderClassic  Builder = "classic"
	BuilderBuildKit Builder = "buildkit"
)

// Options are what an Engine works with beside the engine itself.
type Options struct {
	Deployment string // only objects that carry this id are seen as its own
	// Folder is for instances' own copies of files and for what scans of images find; the engine mounts files of it, so
	// both must see it under the same path.
	Folder  string
	Builder Builder // default BuilderAuto
	Builds  BuildLimits
	Logins  *registry.Logins // for registries; nil: none
	// Fetch says which addresses of ADD the engine may fetch by itself; nil: none.
	Fetch func(address string) bool
	// Program is what runs as `whaley survey` and `whaley warden` in containers; one that is not static cannot.
	Program string
	StandIn func() ([]byte, error) // the program that takes the place of jails
	Fence   Fence                  // around RUN lines; nil: none
	Guard   func() error           // refuses what another sidecar may be doing by now; nil: never
}

// New makes an Engine for what DOCKER_HOST and its companions name. It does not connect yet.
func New(o Options, log *slog.Logger) (*Engine, error) {
	c, err := client.NewClientWithOpts(client.FromEnv, carrying)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		client: c, deployment: o.Deployment, folder: o.Folder, builder: o.Builder, builds: o.Builds, logins: o.Logins,
		fetch: o.Fetch, fence: o.Fence,
		program: o.Program, guard: o.Guard, log: log,
		standIn: sync.OnceValues(func() (string, error) {
			if o.StandIn == nil {
				return "", errors.New("there is none")
			}
			program, err := o.StandIn()
			if err != nil {
				return "", err
			}
			return lay(program, o.Folder)
		}),
	}
	e.proc.Store("/proc")
	return e, nil
}

// WithPurpose is the same engine for objects of this deployment that are not instances': List does not show them to it.
func (e *Engine) WithPurpose(purpose string) *Engine {
	apart := &Engine{
		client: e.client, guard: e.guard, deployment: e.deployment, purpose: purpose, log: e.log, standIn: e.standIn,
	}
	apart.proc.Store(e.proc.Load())
	return apart
}

// Close ends all connections.
func (e *Engine) Close() error {
	e.disk.mu.Lock()
	defer e.disk.mu.Unlock()
	if e.disk.surveyor != nil {
		e.disk.surveyor.conn.Close() // which ends it
	}
	return e.client.Close()
}

// api is the client once it speaks the engine's version of the API. The client could negotiate by itself, but writes
// the version while other calls read it.
func (e *Engine) api(ctx context.Context) (*client.Client, error) {
	if e.guard != nil {
		if err := e.guard(); err != nil {
			return nil, err
		}
	}
	if e.negotiated.Load() {
		return e.client, nil
	}
	e.negotiating.Lock()
	defer e.negotiating.Unlock()
	if !e.negotiated.Load() {
		answer, err := e.client.Ping(ctx)
		if err != nil {
			return nil, translate(err)
		}
		e.client.NegotiateAPIVersionPing(answer)
		e.negotiated.Store(true)
	}
	return e.client, nil
}

// Ping says whether the engine answers.
func (e *Engine) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	_, err = api.Ping(ctx)
	return translate(err)
}
