package identity

import "time"

// Pause is how long the sweep after one of so many requests waits for.
func (p *Players) Pause(requests int) time.Duration { return p.pause(requests) }

// TokensFor is how long it is believed whose a token is.
func (p *Players) TokensFor() time.Duration { return p.tokens.freshFor() }

// Age makes all that CTFd has said of anybody too old to be believed without asking again.
func (p *Players) Age() {
	age(p.directory.users)
	age(p.directory.teams)
	age(p.tokens)
}

func age[V any](c *cache[V]) {
	c.each(func(key string, _ V) { c.doubt(key) })
}
