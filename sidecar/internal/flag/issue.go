package flag

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Flags are the flags that an owner has for a challenge, one of each of its forms; see instancer.Flags.
func (f *Flags) Flags(ctx context.Context, owner whaley.Owner, ch *whaley.Challenge) ([]string, error) {
	if whaley.Synthetic(owner.ID) {
		return f.synthetic.flags(owner, ch), nil
	}
	current, err := f.store.CurrentFlags(ctx, owner.ID, ch.ID)
	if err != nil {
		return nil, err
	}
	forms := ch.Flag.Forms()
	values, changed := make([]string, len(forms)), false
	for _, had := range current {
		if !slices.ContainsFunc(forms, func(form whaley.FlagForm) bool { return form.Part == had.Part }) {
			// The challenge has this part no more.
			if _, err := f.store.RetireFlags(ctx, had.ID, "", "", "edited", time.Now().UTC(), nil); err != nil {
				return nil, err
			}
			changed = true
		}
	}
	for n, form := range forms {
		at := slices.IndexFunc(current, func(had *whaley.IssuedFlag) bool { return had.Part == form.Part })
		if at >= 0 {
			if _, fits := form.DigitsOf(current[at].Value); fits || isGiven(current[at]) {
				values[n] = current[at].Value
				continue
			}
		}
		changed = true
		made, err := f.issue(ctx, owner, ch, form, at >= 0, current)
		if err != nil || made == nil {
			return nil, err
		}
		values[n] = made.Value
	}
	if changed {
		f.kick.Send()
	}
	return values, nil
}

// Spare are flags that nobody has; see instancer.Flags.
func (f *Flags) Spare(ch *whaley.Challenge) (all []*whaley.IssuedFlag) {
	for _, form := range ch.Flag.Forms() {
		all = append(all, newFlag(whaley.Owner{}, ch, form))
	}
	return all
}

// issue makes an owner the flag of one form. If they have one of it, that is not of this form any more: the challenge's
// placeholder was edited, and what is placed must look as the new one says.
func (f *Flags) issue(
	ctx context.Context, owner whaley.Owner, ch *whaley.Challenge, form whaley.FlagForm, had bool,
	current []*whaley.IssuedFlag,
) (*whaley.IssuedFlag, error) {
	made := newFlag(owner, ch, form)
	if !had {
		return f.store.IssueFlag(ctx, made, whaley.Event{
			Type: "flag_created", Challenge: ch.ID, Owner: owner.ID, Message: "made for " + ch.ID + whaley.OfPart(form.Part),
			At: made.CreatedAt,
		})
	}
	for _, old := range current {
		if old.Part != form.Part {
			continue
		}
		next := func(*whaley.IssuedFlag) *whaley.IssuedFlag { return made }
		if _, err := f.store.RetireFlags(ctx, old.ID, "", "", "edited", made.CreatedAt, next); err != nil {
			return nil, err
		}
	}
	return f.store.CurrentFlag(ctx, owner.ID, ch.ID, form.Part)
}

func newFlag(owner whaley.Owner, ch *whaley.Challenge, form whaley.FlagForm) *whaley.IssuedFlag {
	digits := digits(form.Digits())
	return &whaley.IssuedFlag{
		Challenge: ch.ID, Part: form.Part, Owner: owner, Value: form.Flag(digits), Token: digits, CreatedAt: time.Now().UTC(),
	}
}

// digits are n random hexadecimal ones, lower case.
func digits(n int) string {
	bits := make([]byte, n/2)
	_, _ = rand.Read(bits) // never fails
	return hex.EncodeToString(bits)
}

// Rotate retires a flag and makes its owner a new one at once. The old one stays recognisable as the owner's. An
// instance that runs has the old one until it is started anew.
func (f *Flags) Rotate(ctx context.Context, id, by string) (*whaley.IssuedFlag, error) {
	var unknown string
	retired, err := f.store.RetireFlags(
		ctx, id, "", by, "rotated", time.Now().UTC(), func(old *whaley.IssuedFlag) *whaley.IssuedFlag {
			if ch, ok := f.challenges.Get(old.Challenge); ok && ch.Flag.Dynamic {
				for _, form := range ch.Flag.Forms() {
					if form.Part == old.Part {
						return newFlag(old.Owner, ch, form)
					}
				}
			}
			unknown = old.Challenge
			return again(old)
		},
	)
	if err != nil {
		return nil, err
	}
	if len(retired) == 0 {
		return nil, errNoFlag(id)
	}
	if unknown != "" {
		f.log.Warn("flag rotated for a challenge that is not loaded", "challenge", unknown)
	}
	f.kick.Send()
	return f.store.CurrentFlag(ctx, retired[0].Owner.ID, retired[0].Challenge, retired[0].Part)
}

// again is a flag like an old one, with other digits.
func again(old *whaley.IssuedFlag) *whaley.IssuedFlag {
	token := digits(len(old.Token))
	at := strings.LastIndex(old.Value, old.Token) // which flags of whatever shape end with, or almost
	return &whaley.IssuedFlag{
		Challenge: old.Challenge, Part: old.Part, Owner: old.Owner,
		Value: old.Value[:at] + token + old.Value[at+len(old.Token):], Token: token, CreatedAt: time.Now().UTC(),
	}
}

// Delete retires a flag: it leaves CTFd and stays in the history. Its owner's next instance gets a new one.
func (f *Flags) Delete(ctx context.Context, id, by string) (*whaley.IssuedFlag, error) {
	retired, err := f.store.RetireFlags(ctx, id, "", by, "deleted", time.Now().UTC(), nil)
	if err != nil {
		return nil, err
	}
	if len(retired) == 0 {
		return nil, errNoFlag(id)
	}
	f.kick.Send()
	return retired[0], nil
}

// DeleteOf retires all flags of an owner and says how many.
func (f *Flags) DeleteOf(ctx context.Context, owner, by string) (int, error) {
	retired, err := f.store.RetireFlags(ctx, "", owner, by, "deleted", time.Now().UTC(), nil)
	f.kick.Send()
	return len(retired), err
}

func errNoFlag(id string) error {
	return whaley.Errorf(
		whaley.NotFound, "flag_not_found", "There is no flag %q in use. It may have been deleted or rotated.", id,
	)
}

// List is one page of flags, newest first.
func (f *Flags) List(
	ctx context.Context, which whaley.FlagFilter, after string, limit int,
) ([]*whaley.IssuedFlag, error) {
	return f.store.ListFlags(ctx, which, after, limit)
}

// Totals are the numbers of flags.
func (f *Flags) Totals(ctx context.Context) (whaley.FlagTotals, error) {
	return f.store.FlagTotals(ctx)
}
