package identity

import (
	"context"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// ByAccount is the player of an account that somebody vouches for who may.
func (p *Players) ByAccount(ctx context.Context, account int) (whaley.Player, error) {
	return p.directory.player(ctx, account)
}

// ToldOfAccount is news of an account from CTFd itself, which its API would tell up to five minutes late. An account
// that is gone is asked about when it comes next.
func (p *Players) ToldOfAccount(account whaley.Account, gone bool) {
	told(p.directory.users, number(account.ID), account, gone)
	p.tellNews()
}

// ToldOfTeam is the same of a team. Its members are known by their own accounts.
func (p *Players) ToldOfTeam(team whaley.Team, gone bool) {
	if was, ok := p.directory.teams.values.Peek(number(team.ID)); ok {
		team.Members = was.value.Members
	}
	told(p.directory.teams, number(team.ID), team, gone)
	p.tellNews()
}

func told[V any](c *cache[V], key string, value V, gone bool) {
	switch {
	case gone:
		c.doubt(key)
	case c.has(key): // who has never come is asked about when they do
		c.put(key, value)
	}
}

// tellNews has those look who want to know of changes, without a sweep.
func (p *Players) tellNews() { p.news.Send() }
