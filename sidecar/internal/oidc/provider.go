package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	patience  = 10 * time.Second // for one answer of the provider
	tryAgain  = 5 * time.Second  // after it did not answer
	maxAnswer = 1 << 20          // bytes of one
)

// Options are the settings of a Provider.
type Options struct {
	Issuer       string // as the provider's own document says, to the letter
	ClientID     string
	ClientSecret string // empty: a public client, which PKCE protects alone
	Redirect     string // where it sends players back to
	Scopes       []string
	NameClaim    string
	TeamClaim    string // empty: everybody plays alone
}

// Provider is where players have accounts. It is asked for its document when somebody comes, so it may be away at the
// start.
type Provider struct {
	opts   Options
	client *http.Client

	mu    sync.Mutex
	found *found
	tried time.Time
	last  error
}

// found is what a provider's document says.
type found struct {
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	config   oauth2.Config
}

// New makes a Provider.
func New(opts Options) *Provider {
	return &Provider{opts: opts, client: &http.Client{Timeout: patience, Transport: bounded{http.DefaultTransport}}}
}

// bounded ends answers that are longer than any of a provider's.
type bounded struct{ onward http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.onward.RoundTrip(r)
	if err == nil {
		answer.Body = http.MaxBytesReader(nil, answer.Body, maxAnswer)
	}
	return answer, err
}

// Find reads the provider's document, once it has answered only.
func (p *Provider) Find(ctx context.Context) error {
	_, err := p.find(ctx)
	return err
}

func (p *Provider) find(ctx context.Context) (*found, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if time.Since(p.tried) < tryAgain {
		return nil, p.last
	}
	// Its keys are fetched with this context later on, so it does not end with the request.
	provider, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.opts.Issuer)
	if err != nil {
		p.tried, p.last = time.Now(), whaley.Errorf(whaley.Unavailable, "oidc_unavailable",
			"The sign-in service does not answer as it should. Try again in a few seconds, or tell an organiser.").After(
			tryAgain,
		).Because(err)
		return nil, p.last
	}
	p.found = &found{
		provider: provider, verifier: provider.Verifier(&oidc.Config{ClientID: p.opts.ClientID}),
		config: oauth2.Config{
			ClientID: p.opts.ClientID, ClientSecret: p.opts.ClientSecret, RedirectURL: p.opts.Redirect,
			Endpoint: provider.Endpoint(),
			Scopes:   p.opts.Scopes,
		},
	}
	return p.found, nil
}

// Begin is where a browser signs in, for an attempt that it keeps.
func (p *Provider) Begin(ctx context.Context, a Attempt) (string, error) {
	f, err := p.find(ctx)
	if err != nil {
		return "", err
	}
	return f.config.AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), nil
}

// End exchanges the code that a browser came back with for who has signed in, in the attempt that it had begun.
func (p *Provider) End(ctx context.Context, a Attempt, code string) (whaley.Player, error) {
	f, err := p.find(ctx)
	if err != nil {
		return whaley.Player{}, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.client), patience)
	defer cancel()
	token, err := f.config.Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return whaley.Player{}, refused(fmt.Errorf("exchange the code: %w", err))
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return whaley.Player{}, refused(errors.New("the provider gave no id_token: scopes must have openid"))
	}
	id, err := f.verifier.Verify(ctx, raw)
	if err != nil {
		return whaley.Player{}, refused(fmt.Errorf("verify the id_token: %w", err))
	}
	if id.Nonce != a.Nonce {
		return whaley.Player{}, refused(errors.New("the id_token is of another sign-in"))
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return whaley.Player{}, refused(err)
	}
	if err := p.complete(ctx, f, token, id.Subject, claims); err != nil {
		return whaley.Player{}, err
	}
	return p.player(id.Issuer, id.Subject, claims)
}

// complete asks for the claims that are not in the token, as many providers have it.
func (p *Provider) complete(
	ctx context.Context, f *found, token *oauth2.Token, subject string, claims map[string]any,
) error {
	_, named := claims[p.opts.NameClaim]
	_, inTeam := claims[p.opts.TeamClaim]
	if named && (inTeam || p.opts.TeamClaim == "") || f.provider.UserInfoEndpoint() == "" {
		return nil
	}
	info, err := f.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return refused(fmt.Errorf("ask for the user's claims: %w", err))
	}
	if info.Subject != subject {
		return refused(errors.New("the user's claims are somebody else's"))
	}
	more := map[string]any{}
	if err := info.Claims(&more); err != nil {
		return refused(err)
	}
	for name, value := range more {
		if _, there := claims[name]; !there {
			claims[name] = value
		}
	}
	return nil
}

func refused(why error) error {
	return whaley.Errorf(
		whaley.Unauthorized, "sign_in_refused", "The sign-in did not work. Try it again; if it goes on, tell an organiser.",
	).Because(why)
}
