package identity

import (
	"context"
	"time"
)

const (
	// fewTokens are asked about one by one, each once a minute.
	fewTokens = 30
	// perToken keeps questions whose a token is below 30 a minute where CTFd tells of all tokens in no other way, however
	// many pages show one of their own: of 2,000 players each is asked about every hour.
	perToken   = 2 * time.Second
	tokensTime = time.Minute // that reading all may take
)

// sweepTokens learns whose all tokens are that are in use, by one request for many, and says how many it took. Only their
// hashes are kept. A token that is gone is asked about when it is shown next, and refused.
func (p *Players) sweepTokens(ctx context.Context, fresh time.Duration) (requests int) {
	if p.tokens.values.Len() <= fewTokens {
		p.tokens.fresh.Store(int64(p.fresh))
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, tokensTime)
	defer cancel()
	owner, now := map[string]int{}, time.Now()
	err := p.directory.from.Tokens(ctx, func(token string, account int, ends time.Time) {
		if ends.IsZero() || ends.After(now) {
			owner[hash(token)] = account
		}
	})
	if err != nil { // CTFd before 3.8, for instance
		p.tokens.fresh.Store(int64(max(p.fresh, time.Duration(p.tokens.values.Len())*perToken)))
		return 1
	}
	p.tokens.fresh.Store(int64(fresh))
	p.tokens.each(func(key string, _ int) {
		if account, there := owner[key]; there {
			p.tokens.put(key, account)
			return
		}
		p.tokens.doubt(key)
	})
	return 1
}
