package opening

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// requiredFor is how long what a challenge requires counts where each is asked about alone: who changes that has
// changed it before the event.
const requiredFor = 10 * time.Minute

// requirements are what was heard of single challenges of CTFd's.
type requirements map[int]requirement

type requirement struct {
	of   []int
	read time.Time
}

// challenges are CTFd's, with what each requires: all by one export, or of a CTFd before 3.8, which exports nothing, by
// its list, and what those require that are mapped one by one.
func (o *Opening) challenges(ctx context.Context, mappings []*whaley.Mapping) ([]whaley.ScoreboardDetails, error) {
	list, err := o.ctfd.Details(ctx)
	if err == nil || !isAnswer(err) {
		return list, err
	}
	all, err := o.ctfd.Challenges(ctx)
	if err != nil {
		return nil, err
	}
	mapped := map[int]bool{}
	for _, m := range mappings {
		mapped[m.CTFdChallenge] = true
	}
	if o.asked == nil {
		o.asked = requirements{}
	}
	for _, ch := range all {
		one := whaley.ScoreboardDetails{ID: ch.ID, Name: ch.Name, Hidden: ch.Hidden}
		if mapped[ch.ID] {
			if one.Requires, err = o.required(ctx, ch.ID); err != nil {
				return nil, err
			}
		}
		list = append(list, one)
	}
	return list, nil
}

// required is what one challenge requires.
func (o *Opening) required(ctx context.Context, challenge int) ([]int, error) {
	known := o.asked[challenge]
	if time.Since(known.read) > requiredFor {
		of, err := o.ctfd.Requirements(ctx, challenge)
		if err != nil && !isAnswer(err) { // it may be deleted in CTFd
			return nil, err
		}
		known = requirement{of, time.Now()}
		o.asked[challenge] = known
	}
	return known.of, nil
}
