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

// requires is what CTFd's challenges require: all at once, or of a CTFd before 3.8, which exports nothing, one by one
// of those that are mapped.
func (o *Opening) requires(ctx context.Context, mappings []*whaley.Mapping) (map[int][]int, error) {
	all, err := o.ctfd.Details(ctx)
	found := map[int][]int{}
	if err == nil {
		for _, d := range all {
			found[d.ID] = d.Requires
		}
		return found, nil
	}
	if !isAnswer(err) {
		return nil, err
	}
	if o.asked == nil {
		o.asked = requirements{}
	}
	for _, m := range mappings {
		known := o.asked[m.CTFdChallenge]
		if time.Since(known.read) > requiredFor {
			of, err := o.ctfd.Requirements(ctx, m.CTFdChallenge)
			if err != nil && !isAnswer(err) { // it may be deleted in CTFd
				return nil, err
			}
			known = requirement{of, time.Now()}
			o.asked[m.CTFdChallenge] = known
		}
		found[m.CTFdChallenge] = known.of
	}
	return found, nil
}
