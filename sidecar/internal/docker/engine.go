package docker

import (
	"context"
	"log/slog"
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
	api        *client.Client
	deployment string
	log        *slog.Logger
}

var _ instancer.Engine = (*Engine)(nil)

// New makes an Engine for what DOCKER_HOST and its companions name. It does not connect yet. Only objects that carry
// the deployment's id are seen as its own.
func New(deployment string, log *slog.Logger) (*Engine, error) {
	api, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return nil, err
	}
	return &Engine{api: api, deployment: deployment, log: log}, nil
}

// Close ends all connections.
func (e *Engine) Close() error { return e.api.Close() }

// Ping says whether the engine answers.
func (e *Engine) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	_, err := e.api.Ping(ctx)
	return translate(err)
}
