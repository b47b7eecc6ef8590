package flag

import (
	"context"
	"slices"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// sampleTime is how long samples are taken at a time: while CTFd gets as many calls as it should, each of them waits, and
// a player's own flag that was not accepted is not to wait for all.
const sampleTime = 10 * time.Second

// sample asks CTFd for one of the flags that each challenge should hold, another each time, and compares all of a
// challenge whose flag is gone: what syncs challenges deletes all flags at once. To compare all always would have CTFd
// send all owners' flags each time.
func (f *Flags) sample(ctx context.Context) error {
	all, err := f.store.Mappings(ctx)
	if err != nil {
		return err
	}
	var challenges []int
	for _, m := range all {
		challenges = append(challenges, m.CTFdChallenge)
	}
	slices.Sort(challenges)
	challenges = slices.Compact(challenges)
	began := time.Now()
	for range challenges {
		if time.Since(began) > sampleTime {
			return nil // the others are first the next time
		}
		at, found := slices.BinarySearch(challenges, f.sampled)
		if found {
			at++
		}
		id := challenges[at%len(challenges)]
		f.sampled = id
		one, err := f.store.LiveRegistration(ctx, id)
		if err != nil {
			return err
		}
		if one == nil {
			continue
		}
		rows, err := f.ctfd.SampleFlags(ctx, id, one.Value)
		if err != nil {
			return err
		}
		owner := f.ownerOf(*one)
		if slices.ContainsFunc(rows, func(row whaley.ScoreboardFlag) bool { return ours(row, *one, owner) }) {
			continue
		}
		if err := f.verify(ctx, id, f.ctfd.Flags); err != nil {
			return err
		}
	}
	return nil
}

// Missing counts the flags that were registered in a challenge of CTFd and are not among those that it holds.
func Missing(registered []whaley.Registration, rows []whaley.ScoreboardFlag) int {
	held := map[string]bool{}
	for _, row := range rows {
		r := whaley.Registration{CTFdChallenge: row.Challenge, Value: row.Content}
		if ours(row, r, "") || ours(row, r, row.Data) {
			held[row.Content] = true
		}
	}
	missing := 0
	for _, r := range registered {
		if r.State == whaley.RegistrationLive && !held[r.Value] {
			missing++
		}
	}
	return missing
}
