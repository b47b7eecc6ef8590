package api

import (
	"context"
	"sync"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/admin"
	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/api/machine"
	"github.com/whaley-ctf/whaley/sidecar/internal/api/player"
)

// These are what an API is made with.
type (
	// Needs is what an API works with.
	Needs = kit.Needs
	// Options are the settings of an API.
	Options = kit.Options
	// Limits are how often something may be done.
	Limits = kit.Limits
	// Check is one dependency that health tells about.
	Check = kit.Check
	// Limiter counts what is done.
	Limiter = kit.Limiter
	// Containers read what runs.
	Containers = kit.Containers
)

// API answers players, organisers and machines.
type API struct {
	*kit.Surface
	player  player.Handlers
	admin   admin.Handlers
	machine machine.Handlers

	viewer    func() ([]byte, error) // the description as a page
	unhealthy unhealthy
}

// New makes an API. When ctx ends, so do streams and held requests.
func New(ctx context.Context, needs Needs, opts Options) *API {
	s := kit.NewSurface(ctx, needs, opts)
	return &API{
		Surface: s, player: player.New(s), admin: admin.Handlers{Surface: s}, machine: machine.Handlers{Surface: s},
		viewer: sync.OnceValues(renderDocs), unhealthy: unhealthy{names: map[string]bool{}},
	}
}
