package app

import (
	"log/slog"

	"github.com/whaley-ctf/whaley/sidecar/internal/cheating"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
)

// newFlags makes what gives owners their flags, and what finds those who submit somebody else's. Both speak to CTFd if
// players are its accounts, by a client of their own: what CTFd refuses here must not keep players from signing in.
func newFlags(
	c *config.Config, live *config.Live, db *store.Store, challenges instancer.Challenges,
	budget *ctfd.Budget, log *slog.Logger,
) (*flag.Flags, *cheating.Detector, error) {
	opts := cheating.Options{
		SeesAll: c.Edge == "embedded" || c.RouteMode == "plugin",
	}
	if c.TeamMode != identity.TeamsAuto {
		teams := c.TeamMode == identity.TeamsEnabled
		opts.Teams = &teams
	}
	needs := cheating.Needs{Store: db, Challenges: challenges, Log: log}
	if c.AuthMode != "ctfd" {
		return flag.New(db, nil, challenges, flag.Options{}, log), cheating.New(needs, opts), nil
	}
	client, err := newCTFd(c, live, budget, log)
	if err != nil {
		return nil, nil, err
	}
	flags := flag.New(db, client, challenges, flag.Options{}, log)
	needs.CTFd, needs.Missing = client, flags.Recheck
	return flags, cheating.New(needs, opts), nil
}
