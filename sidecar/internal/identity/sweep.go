package identity

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	sweepEvery = 30 * time.Second
	// perRequest keeps sweeps of a large event below 50 requests a minute: 2,000 players and 600 teams are 52 pages.
	perRequest = 1300 * time.Millisecond
	sweepTime  = 2 * time.Minute // that one may take
	// perToken keeps questions whose a token is below 30 a minute, however many pages show one of their own: of 50 players
	// each token is asked about every 100 s, of 2,000 every hour. What its account may do comes with the sweeps.
	perToken = 2 * time.Second
)

// sweepLoop reads the lists of accounts and teams again and again: a few requests for all players, instead of one or two
// a minute for each of them.
func (p *Players) sweepLoop(ctx context.Context) error {
	failed := false
	for {
		again := p.every
		if p.directory.users.values.Len() > 0 || p.watched != nil {
			requests, err := p.Sweep(ctx)
			switch {
			case ctx.Err() != nil:
				return nil
			case err != nil && !failed:
				p.directory.log.Warn("lists of ctfd's accounts not read, players are asked about one by one", "err", err)
			case err == nil && failed:
				p.directory.log.Info("lists of ctfd's accounts are read again")
			}
			failed = err != nil
			again = p.pause(requests)
		}
		if !p.untilSweep(ctx, again) {
			return nil
		}
	}
}

// pause is how long the next sweep waits for, after one of so many requests.
func (p *Players) pause(requests int) time.Duration {
	return max(p.every, time.Duration(requests)*perRequest)
}

// untilSweep waits, and has news looked at meanwhile; false if ctx ended.
func (p *Players) untilSweep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return true
		case <-p.news:
			if p.watched != nil {
				p.watched(ctx)
			}
		case <-ctx.Done():
			return false
		}
	}
}

// Sweep brings all that is known of accounts and teams up to date, and says how many requests that took. Whoever is in
// no list, banned or hidden or deleted, is asked about alone when they come next.
func (p *Players) Sweep(ctx context.Context) (requests int, err error) {
	ctx, cancel := context.WithTimeout(ctx, sweepTime)
	defer cancel()
	requests, err = p.directory.sweep(ctx)
	if err != nil {
		return requests, err
	}
	// Between two sweeps nobody is asked about, and a missed one is no reason to ask about everybody.
	fresh := max(p.fresh, 3*p.pause(requests))
	p.directory.users.fresh.Store(int64(fresh))
	p.directory.teams.fresh.Store(int64(fresh))
	p.tokens.fresh.Store(int64(max(p.fresh, time.Duration(p.tokens.values.Len())*perToken)))
	if p.watched != nil {
		p.watched(ctx)
	}
	return requests, nil
}

func (d *directory) sweep(ctx context.Context) (requests int, err error) {
	users, requests, err := d.from.Users(ctx)
	if err != nil {
		return requests, err
	}
	listed, members := map[string]whaley.Account{}, map[int][]int{}
	for _, u := range users {
		listed[number(u.ID)] = u
		if u.Team != 0 {
			members[u.Team] = append(members[u.Team], u.ID)
		}
	}
	d.users.each(func(key string, was whaley.Account) {
		switch now, in := listed[key]; {
		case !in, was.Admin: // the list does not say who is an admin
			d.users.doubt(key)
		default:
			d.users.put(key, now)
		}
	})
	teams, more, err := d.from.Teams(ctx)
	requests += more
	if err != nil {
		return requests, err
	}
	known := map[string]whaley.Team{}
	for _, t := range teams {
		known[number(t.ID)] = t
	}
	d.teams.each(func(key string, was whaley.Team) {
		now, in := known[key]
		switch {
		case !in:
			d.teams.doubt(key)
		default:
			now.Members = members[now.ID]
			for _, id := range was.Members { // the list of accounts lacks those that are hidden
				if _, seen := listed[number(id)]; !seen {
					now.Members = append(now.Members, id)
				}
			}
			slices.Sort(now.Members)
			d.teams.put(key, now)
		}
	})
	return requests, nil
}

// OnSweep has a function called after each sweep. Call it before Run.
func (p *Players) OnSweep(f func(context.Context)) { p.watched = f }

// Standing is an owner's.
type Standing int

// An owner plays, is banned, or is not in CTFd any more.
const (
	Plays Standing = iota
	Banned
	Vanished
)

// Stands says how an owner of instances stands in CTFd. Owners of the other mode, with or without teams, count as playing:
// the mode may be changed and changed back.
func (p *Players) Stands(ctx context.Context, owner string) (Standing, error) {
	teams, err := p.directory.teamMode(ctx)
	if err != nil {
		return Plays, err
	}
	banned := false
	if id, ok := whaley.TeamOf(owner); ok {
		if !teams {
			return Plays, nil
		}
		var team whaley.Team
		team, err = p.directory.team(ctx, id)
		banned = team.Banned
	} else if id, ok := accountOf(owner); ok && !teams {
		var account whaley.Account
		account, err = p.directory.user(ctx, id)
		banned = account.Banned
	}
	switch {
	case isRefusal(err):
		return Vanished, nil
	case err != nil:
		return Plays, err
	case banned:
		return Banned, nil
	}
	return Plays, nil
}

// NameOf is what CTFd calls an owner of instances now; empty: it does not say.
func (p *Players) NameOf(ctx context.Context, owner string) string {
	if id, ok := whaley.TeamOf(owner); ok {
		team, err := p.directory.team(ctx, id)
		if err != nil {
			return ""
		}
		return team.Name
	}
	if id, ok := accountOf(owner); ok {
		account, err := p.directory.user(ctx, id)
		if err != nil {
			return ""
		}
		return account.Name
	}
	return ""
}

// accountOf is the account of a player who is an owner; ids made of addresses are no numbers.
func accountOf(owner string) (int, bool) {
	text, ok := strings.CutPrefix(owner, "user_")
	id, err := strconv.Atoi(text)
	return id, ok && err == nil && whaley.UserID(id) == owner
}
