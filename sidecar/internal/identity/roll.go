package identity

import (
	"context"
	"slices"
	"strconv"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// roll is one reading of the list of accounts.
type roll struct {
	*directory
	last    int           // the highest id so far
	there   map[int]bool  // accounts in the list
	members map[int][]int // teams → accounts
	doubted map[int]bool  // accounts that are asked about alone
}

// page takes one page of the list. CTFd gives accounts by their ids, though it promises no order: who is known, and
// would stand between two of them, is not in the list, and so may be banned.
func (r *roll) page(page []whaley.Account) {
	before, sorted := r.last, true
	for _, u := range page {
		sorted = sorted && u.ID > r.last
		r.last = max(r.last, u.ID)
		r.there[u.ID] = true
		if u.Team != 0 {
			r.members[u.Team] = append(r.members[u.Team], u.ID)
		}
		key := number(u.ID)
		was, ok := r.users.values.Peek(key)
		switch {
		case !ok:
		case was.value.Admin: // the list does not say who is an admin
			r.doubt(u.ID)
		default:
			r.users.put(key, u)
		}
	}
	if sorted {
		r.missing(func(id int) bool { return id > before && id <= r.last })
	}
}

// end doubts everybody who was in no page.
func (r *roll) end() { r.missing(func(int) bool { return true }) }

func (r *roll) missing(among func(id int) bool) {
	r.users.each(func(key string, _ whaley.Account) {
		if id, err := strconv.Atoi(key); err == nil && among(id) && !r.there[id] {
			r.doubt(id)
		}
	})
}

func (r *roll) doubt(id int) {
	if !r.doubted[id] {
		r.doubted[id] = true
		r.users.doubt(number(id))
	}
}

// membersOf are a team's: the list of accounts lacks those that are hidden.
func (r *roll) membersOf(was whaley.Team, id int) []int {
	all := slices.Clone(r.members[id])
	for _, member := range was.Members {
		if !r.there[member] {
			all = append(all, member)
		}
	}
	slices.Sort(all)
	return all
}

// turns is in how many sweeps each page of the teams is read once, if nothing says that a team was banned.
const turns = 5

// teamList is what the list of teams said. Only two of its numbers are read in each sweep, and a part of its pages: as
// long as as many teams are banned or hidden as before, and none is gone, it is names that can have changed.
type teamList struct {
	teams         map[string]whaley.Team
	total, unseen int // teams, and those that are banned or hidden
	turn          int
}

func (l *teamList) read(ctx context.Context, from Accounts, pause func() error) (requests int, err error) {
	list, pages, total, err := from.Teams(ctx, 1)
	if err != nil {
		return 1, err
	}
	shown := 0
	if total > 0 {
		if err := pause(); err != nil {
			return 1, err
		}
		if shown, err = from.TeamsShown(ctx); err != nil {
			return 2, err
		}
		requests++
	}
	requests++
	whole := l.teams == nil || total-shown != l.unseen || total < l.total
	if whole {
		l.teams = map[string]whaley.Team{}
	}
	l.turn++
	l.add(list)
	for page := 2; page <= pages; page++ {
		if !whole && page != pages && page%turns != l.turn%turns { // new teams are on the last page
			continue
		}
		if err := pause(); err != nil {
			return requests, err
		}
		requests++
		if list, _, _, err = from.Teams(ctx, page); err != nil {
			l.teams = nil
			return requests, err
		}
		l.add(list)
	}
	l.total, l.unseen = total, total-shown
	return requests, nil
}

func (l *teamList) add(list []whaley.Team) {
	for _, t := range list {
		l.teams[number(t.ID)] = t
	}
}
