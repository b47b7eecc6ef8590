package flag

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// givenToken begins the token of a flag that a scoreboard has made: nothing in it is ours to recognise.
const givenToken = "given-"

func isGiven(f *whaley.IssuedFlag) bool { return strings.HasPrefix(f.Token, givenToken) }

// Give makes flags of a scoreboard's an owner's own for a challenge: the first for its first flag, the others for its
// parts in their order. An instance that runs has the earlier ones until it is started anew.
func (f *Flags) Give(ctx context.Context, owner whaley.Owner, ch *whaley.Challenge, values []string) error {
	if !ch.Flag.Dynamic {
		return nil
	}
	forms := ch.Flag.Forms()
	if len(values) < len(forms) || slices.Contains(values[:len(forms)], "") {
		return whaley.Errorf(
			whaley.Invalid, "flags_missing",
			"%s has %d flags of each owner's own, and the scoreboard gave %d. Give the challenge as many there.", ch.ID,
			len(forms), len(values),
		)
	}
	current, err := f.store.CurrentFlags(ctx, owner.ID, ch.ID)
	if err != nil {
		return err
	}
	for n, form := range forms {
		made := &whaley.IssuedFlag{
			Challenge: ch.ID, Part: form.Part, Owner: owner, Value: values[n], Token: givenToken + digits(32),
			CreatedAt: time.Now().UTC(),
		}
		at := slices.IndexFunc(current, func(had *whaley.IssuedFlag) bool { return had.Part == form.Part })
		switch {
		case at < 0:
			_, err = f.store.IssueFlag(ctx, made, whaley.Event{
				Type: "flag_created", Challenge: ch.ID, Owner: owner.ID, Message: "given for " + ch.ID + whaley.OfPart(form.Part),
				At: made.CreatedAt,
			})
		case current[at].Value != values[n]:
			next := func(*whaley.IssuedFlag) *whaley.IssuedFlag { return made }
			_, err = f.store.RetireFlags(ctx, current[at].ID, "", "", "replaced by the scoreboard", made.CreatedAt, next)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
