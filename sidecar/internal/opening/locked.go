package opening

import (
	"context"
	"errors"
	"slices"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// locks is which of our challenges need others to be solved before, and who has solved these.
type locks struct {
	Needs  map[string][]int `json:",omitempty"` // our challenges → CTFd's
	Solved map[int][]string `json:",omitempty"` // CTFd's → owners, sorted
}

// readLocks asks what has to be solved first, and who has. Of requirements that are not there any more nothing is wanted.
func (o *Opening) readLocks(
	ctx context.Context, all []whaley.ScoreboardDetails, mappings []*whaley.Mapping,
) (locks, error) {
	there, requires := map[int]bool{}, map[int][]int{}
	for _, ch := range all {
		there[ch.ID], requires[ch.ID] = true, ch.Requires
	}
	l := locks{Needs: map[string][]int{}, Solved: map[int][]string{}}
	for _, m := range mappings {
		if m.Part != "" { // a later part may have to wait for the first
			continue
		}
		for _, id := range requires[m.CTFdChallenge] {
			if !there[id] {
				continue
			}
			l.Needs[m.Challenge] = append(l.Needs[m.Challenge], id)
			if l.Solved[id] != nil {
				continue
			}
			owners, err := o.ctfd.Solvers(ctx, id)
			if err != nil {
				return locks{}, err
			}
			slices.Sort(owners)
			l.Solved[id] = append([]string{}, owners...)
		}
	}
	return l, nil
}

// locked says whether an owner has yet to solve something else. Where CTFd counts for teams and instances belong to
// players, or the other way round, nothing can be said of anybody.
func (l locks) locked(challenge, owner string) bool {
	_, inTeam := whaley.TeamOf(owner)
	for _, id := range l.Needs[challenge] {
		solved := l.Solved[id]
		if len(solved) > 0 {
			if _, teams := whaley.TeamOf(solved[0]); teams != inTeam {
				continue
			}
		}
		if _, found := slices.BinarySearch(solved, owner); !found {
			return true
		}
	}
	return false
}

// isAnswer says whether CTFd answered, if not with what was wanted: an older one exports nothing.
func isAnswer(err error) bool {
	var e *whaley.Error
	return errors.As(err, &e) && e.Kind != whaley.Unavailable
}
