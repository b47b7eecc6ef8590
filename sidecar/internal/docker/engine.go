package docker

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docker/docker/client"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// Deadlines of calls, beyond what their callers allow.
const (
	quick = 30 * time.Second // a healthy engine needs a fraction of a second
	slow  = 2 * time.Minute  // starting and removing with hundreds of networks
	build = 30 * time.Minute
)

// Engine speaks to one Docker engine on behalf of one deployment.
type Engine struct {
	client     *client.Client
	deployment string
	purpose    string // empty: instances
	log        *slog.Logger

	negotiating sync.Mutex
	negotiated  atomic.Bool
}

var _ instancer.Engine = (*Engine)(nil)

// New makes an Engine for what DOCKER_HOST and its companions name. It does not connect yet. Only objects that carry
// the deployment's id are seen as its own.
func New(deployment string, log *slog.Logger) (*Engine, error) {
	c, err := client.NewClientWithOpts(client.FromEnv)
	if err != nil {
		return nil, err
	}
	return &Engine{client: c, deployment: deployment, log: log}, nil
}

// Apart is the same engine for objects of this deployment that are not instances': List does not show them to it.
func (e *Engine) Apart(purpose string) *Engine {
	return &Engine{client: e.client, deployment: e.deployment, purpose: purpose, log: e.log}
}

// Close ends all connections.
func (e *Engine) Close() error { return e.client.Close() }

// api is the client once it speaks the engine's version of the API. The client could negotiate by itself, but writes
// the version while other calls read it.
func (e *Engine) api(ctx context.Context) (*client.Client, error) {
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
