package flag

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	staticFlag = "static"
	// ownedLook is between two looks whether CTFd has the plugin: without it every wrong submission fails where a flag is of
	// its type.
	ownedLook = time.Minute
)

// ownerOf is who a flag is right for in CTFd; empty: for everybody.
func (f *Flags) ownerOf(r whaley.Registration) string {
	if f.owned.Load() {
		return r.Owner
	}
	return ""
}

// ours says whether a row of CTFd accepts exactly this flag, from an owner or with none from everybody, and does not break
// the challenge.
func ours(row whaley.ScoreboardFlag, r whaley.Registration, owner string) bool {
	if row.Challenge != r.CTFdChallenge || row.Content != r.Value {
		return false
	}
	if owner == "" {
		return row.Type == staticFlag && row.Data != "case_insensitive"
	}
	return row.Type != staticFlag && row.Data == owner
}

// replaced removes the rows of a flag that were made while CTFd had the plugin and has not now, or the other way round.
func (f *Flags) replaced(ctx context.Context, rows []whaley.ScoreboardFlag, r whaley.Registration, owner string) error {
	for _, row := range rows {
		if row.Content != r.Value || (row.Type == staticFlag) == (owner == "") {
			continue
		}
		if err := f.ctfd.RemoveFlag(ctx, row.ID); err != nil {
			return err
		}
	}
	return nil
}

// lookOwned asks whether CTFd has the plugin. If that has changed, all its flags are compared, and so made anew.
func (f *Flags) lookOwned(ctx context.Context, first *bool) error {
	owned, err := f.ctfd.OwnedFlags(ctx)
	if err != nil {
		return err
	}
	if was := f.owned.Swap(owned); was == owned && !*first {
		return nil
	}
	*first = false // whatever it was before this process
	f.log.Debug("whom flags are right for in ctfd", "owner_only", owned)
	return f.Verify(ctx)
}
