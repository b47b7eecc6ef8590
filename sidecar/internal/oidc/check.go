package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Check says what is wrong with the provider, and what mends it; nothing: players can sign in there, as far as can be
// seen without an account.
func (p *Provider) Check(ctx context.Context) (problem, mend string) {
	at, err := url.Parse(p.opts.Issuer)
	if err != nil || at.Scheme != "https" && at.Scheme != "http" || at.Host == "" {
		return "OIDC_ISSUER is not an address", "Write it as https://id.example.org, to the letter as the provider says."
	}
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.opts.Issuer)
	switch {
	case err != nil && strings.Contains(err.Error(), "did not match"):
		return "the provider calls itself otherwise: " + err.Error(),
			"Write OIDC_ISSUER to the letter as the provider does, with or without a slash at its end."
	case err != nil:
		return fmt.Sprintf("%s/.well-known/openid-configuration: %v", strings.TrimSuffix(p.opts.Issuer, "/"), err),
			"OIDC_ISSUER must be the provider's address, reachable from this host."
	}
	var said struct {
		Methods   []string `json:"code_challenge_methods_supported"`
		Responses []string `json:"response_types_supported"`
		Scopes    []string `json:"scopes_supported"`
		Claims    []string `json:"claims_supported"`
	}
	if err := provider.Claims(&said); err != nil {
		return "the provider's document: " + err.Error(), "Ask whoever runs it."
	}
	if len(said.Methods) > 0 && !slices.Contains(said.Methods, "S256") {
		return "the provider knows no PKCE with S256",
			"Switch it on there: without it a code that gets lost signs somebody else in."
	}
	if len(said.Responses) > 0 && !slices.Contains(said.Responses, "code") {
		return "the provider knows no code flow", "Switch it on there."
	}
	for _, scope := range p.opts.Scopes {
		if len(said.Scopes) > 0 && !slices.Contains(said.Scopes, scope) {
			return "the provider knows no scope " + scope,
				"It knows " + strings.Join(said.Scopes, ", ") +
					": write those into OIDC_SCOPES that have the names and teams of players."
		}
	}
	return p.checkClient(ctx, provider)
}

// checkClient begins a sign-in that nobody ends: a provider refuses at once a client or a way back that it does not
// know.
func (p *Provider) checkClient(ctx context.Context, provider *oidc.Provider) (problem, mend string) {
	attempt := NewAttempt("/")
	to, err := p.Begin(ctx, attempt)
	if err != nil {
		return err.Error(), "Try again."
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, to, nil)
	if err != nil {
		return "the provider's address to sign in: " + err.Error(), "Ask whoever runs it."
	}
	client := *p.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	w, err := client.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return provider.Endpoint().AuthURL + ": " + err.Error(),
			"Players' browsers must reach it; that this host cannot may be as it should."
	}
	defer w.Body.Close()
	if to := w.Header.Get("Location"); strings.Contains(to, "error=") {
		at, _ := url.Parse(to)
		if at == nil {
			at = &url.URL{}
		}
		return "the provider refuses the client: " + at.Query().Get("error") + " " + at.Query().Get("error_description"), p.clientMend()
	}
	if w.StatusCode >= http.StatusBadRequest {
		return fmt.Sprintf("the provider answers a sign-in of %s with %d", p.opts.ClientID, w.StatusCode), p.clientMend()
	}
	return "", ""
}

func (p *Provider) clientMend() string {
	return "OIDC_CLIENT_ID must be a client of the provider that may use the code flow, with the redirect URI " +
		p.opts.Redirect + "."
}
