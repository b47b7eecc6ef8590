// Package oidc signs players in at an OpenID Connect provider: code flow with PKCE, state and nonce. Who they are, and
// in which team, is what the provider's claims say at that moment.
package oidc
