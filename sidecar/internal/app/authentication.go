package app

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/connect"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/limit"
	"github.com/whaley-ctf/whaley/sidecar/internal/oidc"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// authentication is what the API knows people by.
type authentication struct {
	players  *identity.Players // of CTFd; nil: there is none
	members  *identity.Members // of a provider of sign-ins; nil: there is none
	provider *oidc.Provider
	sessions *identity.Sessions
	limiter  api.Limiter
	written  *connect.Connection // what is in CTFd; nil: there is none
	checks   []api.Check
}

// openAuthentication makes what AUTH_MODE wants.
func openAuthentication(
	ctx context.Context, g *errgroup.Group, c *config.Config, live *config.Live, keys identity.Keys, db *store.Store,
	event func() whaley.ScoreboardEvent, budget *ctfd.Budget, log *slog.Logger,
) (authentication, error) {
	w := authentication{sessions: identity.NewSessions(keys, db), limiter: limit.NewLocal()}
	if c.AuthMode == "oidc" {
		w.useProvider(c, live)
		return w, nil
	}
	if c.AuthMode != "ctfd" {
		return w, nil
	}
	client, err := newCTFd(c, live, budget, log)
	if err != nil {
		return authentication{}, err
	}
	if c.Dashboard.Scheme != "https" {
		log.Warn(
			"players sign in over plain http: whoever is on the way reads their tokens, so DASHBOARD_URL should begin with https://",
		)
	}
	w.players = identity.NewPlayers(client, w.sessions, identity.PlayersOptions{
		TeamMode: c.TeamMode, Life: func() time.Duration { return sessionLife(live.Config(), event(), time.Now()) },
	}, log)
	w.written = connect.New(client, db, connect.Options{Dashboard: c.DashboardURL, Public: c.CTFdPublicURL}, log)
	g.Go(func() error { return w.written.Run(ctx) })
	watch := &keyWatch{client: client, every: keyLook}
	w.checks = []api.Check{{Name: "ctfd", Ping: w.players.Ping, Optional: true}, watch.check()}
	g.Go(func() error { return watch.run(ctx, w.players, db, log) })
	return w, nil
}

// useProvider lets players sign in at an OpenID Connect provider, whose news of them come with the next sign-in only.
func (w *authentication) useProvider(c *config.Config, live *config.Live) {
	w.provider = NewProvider(c)
	w.members = identity.NewMembers(w.sessions, func() time.Duration {
		if hours := live.Config().SessionHours; hours > 0 {
			return time.Duration(hours) * time.Hour
		}
		return identity.SessionLife
	})
	w.checks = []api.Check{{Name: "oidc", Ping: w.provider.Find, Optional: true}}
}

// NewProvider is the provider that the settings name.
func NewProvider(c *config.Config) *oidc.Provider {
	return oidc.New(oidc.Options{
		Issuer: c.OIDCIssuer, ClientID: c.OIDCClient, ClientSecret: string(c.OIDCSecret),
		Redirect: c.DashboardURL + "/auth/oidc/callback",
		Scopes:   c.OIDCScopes, NameClaim: c.OIDCName, TeamClaim: c.OIDCTeam,
	})
}

const (
	week  = 7 * 24 * time.Hour
	month = 30 * 24 * time.Hour
)

// sessionLife is how long a sign-in lasts that begins at a time: a player who has to sign in anew in the middle of an
// event loses their way, and a sign-in is worth nothing after it.
func sessionLife(c *config.Config, event whaley.ScoreboardEvent, now time.Time) time.Duration {
	switch {
	case c.SessionHours > 0:
		return time.Duration(c.SessionHours) * time.Hour
	case event.Ends.IsZero():
		return week
	}
	return min(max(event.Ends.Sub(now), identity.SessionLife), month)
}

// attempts is how many access tokens one address may have CTFd asked about in a minute: a room full of players signs
// in at once when the event begins, and nobody guesses a token of 256 bits.
const attempts = 300

// ctfdRole is the role that CTFd's admins have here; empty: none.
func ctfdRole(c *config.Config) whaley.Role {
	if c.CTFdAdminRole == "none" {
		return ""
	}
	return whaley.Role(c.CTFdAdminRole)
}

func limitsOf(c *config.Config) api.Limits {
	return api.Limits{Player: c.UserRateLimit, Address: c.AddressLimit, Admin: c.AdminRateLimit, Attempts: attempts}
}

// isHome says whether a name leads every browser to its own computer.
func isHome(name string) bool { return name == "localhost" || strings.HasSuffix(name, ".localhost") }
