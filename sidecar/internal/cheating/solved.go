package cheating

import (
	"context"
	"maps"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Solved names the challenges that an owner has solved: with all of their parts, where these are in several places.
func (d *Detector) Solved(ctx context.Context, owner string) (map[string]bool, error) {
	at, err := d.SolvedAt(ctx, owner)
	if err != nil || len(at) == 0 {
		return nil, err
	}
	solved := map[string]bool{}
	for challenge := range at {
		solved[challenge] = true
	}
	return solved, nil
}

// SolvedAt is when an owner solved challenges, with the last of their parts.
func (d *Detector) SolvedAt(ctx context.Context, owner string) (map[string]time.Time, error) {
	if d.ctfd == nil {
		return nil, nil
	}
	all, err := d.store.Solves(ctx, owner)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	there := map[int]time.Time{}
	for _, one := range all {
		there[one.CTFdChallenge] = one.At
	}
	mappings, err := d.store.Mappings(ctx)
	solved, missing := map[string]time.Time{}, map[string]bool{}
	for _, m := range mappings {
		at, is := there[m.CTFdChallenge]
		if missing[m.Challenge] = missing[m.Challenge] || !is; at.After(solved[m.Challenge]) {
			solved[m.Challenge] = at
		}
	}
	maps.DeleteFunc(solved, func(challenge string, _ time.Time) bool { return missing[challenge] })
	return solved, err
}

// place is one solve, whenever it was.
type place struct {
	owner string
	ctfd  int
}

// note remembers who has solved what.
func (r *reading) note(s whaley.Submission) {
	if s.Type != "correct" {
		return
	}
	who := r.submitter(s).OwnerID
	at := place{who, s.Challenge}
	if r.solved == nil {
		r.solved = map[place]whaley.Solve{}
	}
	if was, ok := r.solved[at]; !ok || s.At.Before(was.At) {
		r.solved[at] = whaley.Solve{Owner: who, CTFdChallenge: s.Challenge, At: s.At}
	}
}

// keep writes the solves that were read. After all submissions have been, the others are none: CTFd's organisers have
// taken them back.
func (r *reading) keep(ctx context.Context) error {
	if len(r.solved) == 0 && !r.check.Full {
		return nil
	}
	var gone []whaley.Solve
	if r.check.Full {
		known, err := r.store.Solves(ctx, "")
		if err != nil {
			return err
		}
		for _, one := range known {
			at := place{one.Owner, one.CTFdChallenge}
			if _, ok := r.solved[at]; !ok {
				gone = append(gone, one)
			}
			delete(r.solved, at)
		}
	}
	more := make([]whaley.Solve, 0, len(r.solved))
	for _, one := range r.solved {
		more = append(more, one)
	}
	if len(more)+len(gone) == 0 {
		return nil
	}
	return r.store.SaveSolves(ctx, more, gone)
}
