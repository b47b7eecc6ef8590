package check

import (
	"context"

	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
)

// checkProvider looks whether players can sign in at the OpenID Connect provider.
func checkProvider(ctx context.Context, c *config.Config, r *report) {
	if c.AuthMode != "oidc" {
		return
	}
	if problem, mend := app.NewProvider(c).Check(ctx); problem != "" {
		r.fault("oidc", problem, mend)
		return
	}
	r.ok("oidc")
	if c.Dashboard.Scheme != "https" {
		r.hint(
			"oidc",
			"players sign in over plain http: whoever is on the way takes their sessions, so DASHBOARD_URL should begin with https://",
		)
	}
}
