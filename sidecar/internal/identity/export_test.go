package identity

import "time"

// Pause is how long the sweep after one of so many requests waits for.
func (p *Players) Pause(requests int) time.Duration { return p.pause(requests) }

// TokensFor is how long it is believed whose a token is.
func (p *Players) TokensFor() time.Duration { return p.tokens.freshFor() }
