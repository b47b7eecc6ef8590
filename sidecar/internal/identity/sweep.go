package identity

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	sweepEvery = 30 * time.Second
	sweepLong  = 56 * time.Second // between the beginnings of two, if they are not larger than that
	// perRequest is what a sweep makes of the time until the next: 2,000 players and 500 teams are 44 requests a minute.
	perRequest = 1300 * time.Millisecond
	// between two requests of one sweep: CTFd has a few workers, and players want them too.
	between = 1050 * time.Millisecond
)

// sweepLoop reads the lists of accounts and teams again and again: a few requests for all players, instead of one or two
// a minute for each of them.
func (p *Players) sweepLoop(ctx context.Context) error {
	failed := false
	for {
		again := p.every
		if p.directory.users.values.Len() > 0 || p.watched != nil {
			began := time.Now()
			requests, err := p.sweep(ctx, func() error { return loop.Sleep(ctx, between) })
			switch {
			case ctx.Err() != nil:
				return nil
			case err != nil && !failed:
				p.directory.log.Warn("lists of ctfd's accounts not read, players are asked about one by one", "err", err)
			case err == nil && failed:
				p.directory.log.Info("lists of ctfd's accounts are read again")
			}
			failed = err != nil
			again = max(0, p.pause(requests)-time.Since(began))
		}
		if !p.untilSweep(ctx, again) {
			return nil
		}
	}
}

// pause is the time between the beginnings of a sweep of so many requests and the next.
func (p *Players) pause(requests int) time.Duration {
	return max(p.every, min(time.Duration(requests)*perRequest, sweepLong))
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

// Sweep brings all that is known of accounts, teams and tokens up to date, and says how many requests that took. Whoever
// is in no list, banned or hidden or deleted, is asked about alone when they come next.
func (p *Players) Sweep(ctx context.Context) (requests int, err error) {
	return p.sweep(ctx, func() error { return nil })
}

// sweep is Sweep that pauses after each request.
func (p *Players) sweep(ctx context.Context, pause func() error) (requests int, err error) {
	began := time.Now()
	requests, err = p.directory.sweep(ctx, pause)
	if err != nil {
		return requests, err
	}
	// Between two sweeps nobody is asked about, and a missed one is no reason to ask about everybody.
	fresh := max(p.fresh, 3*max(p.pause(requests), time.Since(began)))
	p.directory.users.fresh.Store(int64(fresh))
	p.directory.teams.fresh.Store(int64(fresh))
	requests += p.sweepTokens(ctx, fresh)
	if p.watched != nil {
		p.watched(ctx)
	}
	return requests, nil
}

// sweep compares what is known with the lists, page by page: what a page says counts at once.
func (d *directory) sweep(ctx context.Context, pause func() error) (requests int, err error) {
	r := roll{directory: d, there: map[int]bool{}, members: map[int][]int{}, doubted: map[int]bool{}}
	requests, err = d.from.Users(ctx, func(page []whaley.Account) error {
		r.page(page)
		return pause()
	})
	if err != nil {
		return requests, err
	}
	r.end()
	more, err := d.told.read(ctx, d.from, pause)
	requests += more
	if err != nil {
		return requests, err
	}
	d.teams.each(func(key string, was whaley.Team) {
		now, in := d.told.teams[key]
		switch {
		case !in:
			d.teams.doubt(key)
		default:
			now.Members = r.membersOf(was, now.ID)
			d.teams.put(key, now)
		}
	})
	return requests, nil
}

// OnSweep has a function called after each sweep. Call it before Run.
func (p *Players) OnSweep(f func(context.Context)) { p.watched = f }
