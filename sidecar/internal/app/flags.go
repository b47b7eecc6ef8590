package app

import (
	"log/slog"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
)

// newFlags makes what gives owners their flags. They are registered in CTFd if players are its accounts, by a client of
// its own: what CTFd refuses here must not keep players from signing in.
func newFlags(
	c *config.Config, live *config.Live, db *store.Store, challenges instancer.Challenges, log *slog.Logger,
) (*flag.Flags, error) {
	opts := flag.Options{
		SeesAll: c.Edge == "embedded" || c.RouteMode == "plugin",
	}
	if c.TeamMode != identity.TeamsAuto {
		teams := c.TeamMode == identity.TeamsEnabled
		opts.Teams = &teams
	}
	if c.AuthMode != "ctfd" {
		return flag.New(db, nil, challenges, opts, log), nil
	}
	client, err := newCTFd(c, live, log)
	if err != nil {
		return nil, err
	}
	return flag.New(db, client, challenges, opts, log), nil
}
