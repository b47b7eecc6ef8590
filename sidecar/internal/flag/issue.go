package flag

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// Flag is the one flag that an owner has for a challenge; see instancer.Flags.
func (f *Flags) Flag(ctx context.Context, owner instancer.Owner, ch *instancer.Challenge) (string, error) {
	current, err := f.store.CurrentFlag(ctx, owner.ID, ch.ID)
	if err != nil {
		return "", err
	}
	if current != nil {
		if _, fits := ch.Flag.DigitsOf(current.Value); fits {
			return current.Value, nil
		}
		// The challenge's placeholder was edited: what is placed must look as the new one says.
		_, err := f.store.RetireFlags(ctx, current.ID, "", "", "edited", time.Now().UTC(), func(*instancer.IssuedFlag) *instancer.IssuedFlag { return newFlag(owner, ch) })
		if err != nil {
			return "", err
		}
		if current, err = f.store.CurrentFlag(ctx, owner.ID, ch.ID); err != nil || current == nil {
			return "", err
		}
	} else {
		made := newFlag(owner, ch)
		current, err = f.store.IssueFlag(ctx, made, instancer.Event{
			Type: "flag_created", Challenge: ch.ID, Owner: owner.ID, Message: "made for " + ch.ID, At: made.CreatedAt,
		})
		if err != nil {
			return "", err
		}
	}
	f.nudge()
	return current.Value, nil
}

func newFlag(owner instancer.Owner, ch *instancer.Challenge) *instancer.IssuedFlag {
	digits := digits(ch.Flag.Digits())
	return &instancer.IssuedFlag{
		Challenge: ch.ID, Owner: owner, Value: ch.Flag.Flag(digits), Token: digits, CreatedAt: time.Now().UTC(),
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
func (f *Flags) Rotate(ctx context.Context, id, by string) (*instancer.IssuedFlag, error) {
	var unknown string
	retired, err := f.store.RetireFlags(ctx, id, "", by, "rotated", time.Now().UTC(), func(old *instancer.IssuedFlag) *instancer.IssuedFlag {
		if ch, ok := f.challenges.Get(old.Challenge); ok && ch.Flag.Dynamic {
			return newFlag(old.Owner, ch)
		}
		unknown = old.Challenge
		return again(old)
	})
	if err != nil {
		return nil, err
	}
	if len(retired) == 0 {
		return nil, errNoFlag(id)
	}
	if unknown != "" {
		f.log.Warn("flag rotated for a challenge that is not loaded", "challenge", unknown)
	}
	f.nudge()
	return f.store.CurrentFlag(ctx, retired[0].Owner.ID, retired[0].Challenge)
}

// again is a flag like an old one, with other digits.
func again(old *instancer.IssuedFlag) *instancer.IssuedFlag {
	token := digits(len(old.Token))
	at := strings.LastIndex(old.Value, old.Token) // which flags of whatever shape end with, or almost
	return &instancer.IssuedFlag{
		Challenge: old.Challenge, Owner: old.Owner, Value: old.Value[:at] + token + old.Value[at+len(old.Token):], Token: token, CreatedAt: time.Now().UTC(),
	}
}

// Delete retires a flag: it leaves CTFd and stays in the history. Its owner's next instance gets a new one.
func (f *Flags) Delete(ctx context.Context, id, by string) (*instancer.IssuedFlag, error) {
	retired, err := f.store.RetireFlags(ctx, id, "", by, "deleted", time.Now().UTC(), nil)
	if err != nil {
		return nil, err
	}
	if len(retired) == 0 {
		return nil, errNoFlag(id)
	}
	f.nudge()
	return retired[0], nil
}

// DeleteOf retires all flags of an owner and says how many.
func (f *Flags) DeleteOf(ctx context.Context, owner, by string) (int, error) {
	retired, err := f.store.RetireFlags(ctx, "", owner, by, "deleted", time.Now().UTC(), nil)
	f.nudge()
	return len(retired), err
}

func errNoFlag(id string) error {
	return instancer.Errorf(instancer.NotFound, "flag_not_found", "There is no flag %q in use. It may have been deleted or rotated.", id)
}

// List is one page of flags, newest first.
func (f *Flags) List(ctx context.Context, which instancer.FlagFilter, after string, limit int) ([]*instancer.IssuedFlag, error) {
	return f.store.ListFlags(ctx, which, after, limit)
}

// Totals are the numbers of flags.
func (f *Flags) Totals(ctx context.Context) (instancer.FlagTotals, error) {
	return f.store.FlagTotals(ctx)
}
