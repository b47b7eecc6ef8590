package ctfd

import (
	"context"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// perMinute is how many calls by our key CTFd gets in any minute, unless somebody waits for more.
const perMinute = 60

// rank is how much a call may be put off when the minute is full.
type rank int

const (
	urgent rank = iota // somebody waits for it, or a flag does: never put off
	chore              // a look that is made again and again
	listed             // a page of the lists of all accounts and teams
	spare              // what may be late
)

// room is how many calls a minute has before one of a rank is put off; surely is how many calls that can be put off it
// has in any case, however much is urgent.
var (
	room   = [...]int{chore: perMinute, listed: perMinute - 3, spare: perMinute - 6}
	surely = [...]int{chore: perMinute * 2 / 3, listed: perMinute / 2}
)

const (
	fewSpare = 2                // spare calls a minute that are put off for what is full only
	late     = 30 * time.Second // that a spare call is put off for at most
	again    = 250 * time.Millisecond
)

// pace counts calls by our key. The zero value puts nothing off.
type pace struct {
	mu    sync.Mutex
	bound bool
	made  []paced // in the last minute
}

type paced struct {
	at   time.Time
	rank rank
}

// wait returns when a call may be made, and counts it.
func (p *pace) wait(ctx context.Context, r rank) error {
	for began := time.Now(); !p.take(r, began); {
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// take counts a call, unless it is to be tried later.
func (p *pace) take(r rank, began time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for len(p.made) > 0 && now.Sub(p.made[0].at) >= time.Minute {
		p.made = p.made[1:]
	}
	of := map[rank]int{}
	for _, call := range p.made {
		of[call.rank]++
	}
	all := len(p.made)
	switch {
	case !p.bound, r == urgent, all < room[r]:
	case r == spare && (all < perMinute && of[spare] < fewSpare || now.Sub(began) >= late):
	case r != spare && all-of[urgent] < surely[r]:
	default:
		return false
	}
	p.made = append(p.made, paced{now, r})
	return true
}

// Budget is what several clients of one CTFd have together: the calls that they make by our key in a minute, and what
// they were told of its settings and challenges.
type Budget struct {
	pace     pace
	settings recent[map[string]string]
	details  recent[[]whaley.ScoreboardDetails]
}

// NewBudget makes one that keeps its clients to about one call a second.
func NewBudget() *Budget {
	b := &Budget{pace: pace{bound: true}}
	b.settings.fresh, b.details.fresh = lately, lately
	return b
}

// Within has a client share a budget. Call it before the client's first call.
func (c *Client) Within(b *Budget) *Client {
	c.budget = b
	return c
}
