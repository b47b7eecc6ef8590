package instancer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// ownBuild makes the images of one owner, with their flags in the places of the placeholders. They are kept by the
// flags.
type ownBuild struct {
	im    *images
	ch    *whaley.Challenge
	in    *whaley.Instance
	flags []string
	log   tail
	names map[string]string // service → image
}

// newOwnBuild names what is to be built.
func (im *images) newOwnBuild(in *whaley.Instance, ch *whaley.Challenge, flags []string) *ownBuild {
	o := &ownBuild{im: im, ch: ch, in: in, flags: flags, names: map[string]string{}}
	sum := sha256.Sum256([]byte(strings.Join(flags, "\n")))
	for _, s := range ch.Services {
		if s.Build != nil && s.Build.Flag {
			o.names[s.Name] = fmt.Sprintf("%s-%s", s.Image, hex.EncodeToString(sum[:6]))
		}
	}
	return o
}

// needed says whether an owner's instance needs images of its own.
func (b *build) needed(ch *whaley.Challenge, flags []string) bool {
	if flags == nil {
		return false
	}
	_, fits := ch.Flag.AllDigits(flags)
	return b.perOwner || !fits && b.holds()
}

// owned are an instance's own images, or errNotBuilt, which is remembered so that the start waits for them.
func (im *images) owned(in *whaley.Instance, ch *whaley.Challenge) (map[string]string, error) {
	im.mu.Lock()
	defer im.mu.Unlock()
	if own := im.own[in.ID]; own.key == keyOf(ch) && own.names != nil {
		return own.names, nil
	}
	im.own[in.ID] = ownImages{}
	return nil, errNotBuilt
}

// disown forgets the own images of instances that do not start.
func (im *images) disown(gone func(instance string) bool) {
	im.mu.Lock()
	defer im.mu.Unlock()
	for id := range im.own {
		if gone(id) {
			delete(im.own, id)
		}
	}
}

// buildOwn returns when the images of an instance are there with its owner's flag. Those that are there already take no
// turn. Whoever waits is told of the turn.
func (im *images) buildOwn(
	ctx context.Context, b *build, in *whaley.Instance, ch *whaley.Challenge, flags []string,
	tell func(stage string, t *turn),
) error {
	o := im.newOwnBuild(in, ch, flags)
	there, err := o.there(ctx)
	if err == nil && there {
		err = o.differ(ctx)
	} else if err == nil {
		began := time.Now().UTC()
		err = o.wait(ctx, tell)
		im.record(b, o, began, err)
	}
	if err == nil {
		im.mu.Lock()
		im.own[in.ID] = ownImages{keyOf(ch), o.names}
		im.mu.Unlock()
	}
	return err
}

// wait builds when it is their turn. If ctx ends before, nothing goes on.
func (o *ownBuild) wait(ctx context.Context, tell func(stage string, t *turn)) error {
	over := make(chan error, 1)
	one := &turn{
		challenge: o.ch.ID, revision: o.ch.Revision, asked: 1, work: o.build, ended: func(err error) { over <- err },
	}
	tell("Building the challenge with its flag", one)
	o.im.turns.add(one)
	select {
	case err := <-over:
		return err
	case <-ctx.Done():
		o.im.turns.drop(func(other *turn) bool { return other == one }, ctx.Err())
		return cmp.Or(ctx.Err(), <-over)
	}
}

func (o *ownBuild) there(ctx context.Context) (bool, error) {
	for _, name := range o.names {
		if _, err := o.im.engine.ImageHealth(ctx, name); whaley.CodeOf(err) == whaley.CodeObjectMissing {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
	return true, nil
}

func (o *ownBuild) build(ctx context.Context) error {
	for _, s := range o.ch.Services {
		name, own := o.names[s.Name]
		if !own {
			continue
		}
		s.Image = name
		if err := o.im.engine.BuildImage(
			ctx, BuildSpec{Challenge: o.ch, Service: &s, Flags: o.flags, Owner: o.in.Owner.ID}, &o.log,
		); err != nil {
			return err
		}
	}
	return o.differ(ctx)
}

// differ refuses images that are the same with any flag.
func (o *ownBuild) differ(ctx context.Context) error {
	differs := !slices.ContainsFunc(o.ch.Flag.Forms(), func(f whaley.FlagForm) bool { return !f.Elsewhere })
	for _, s := range o.ch.Services {
		if name, own := o.names[s.Name]; own {
			same, err := o.im.engine.SameImage(ctx, s.Image, name)
			if err != nil {
				return err
			}
			differs = differs || !same
		}
	}
	if !differs {
		return errNotPlaced(
			"a build with another flag makes the same image, so the placeholder is in no file that is copied into it",
		)
	}
	return nil
}

// record lets organisers see what was built for an owner.
func (im *images) record(b *build, o *ownBuild, began time.Time, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, errShutdown) || errors.Is(err, errUnwanted) {
		return // it is not wanted any more, or goes on in the next life
	}
	id, owner := o.ch.ID, o.in.Owner.ID
	im.mu.Lock()
	owners := slices.DeleteFunc(im.owners[id], func(other whaley.OwnerBuild) bool { return other.Owner == owner })
	owners = append(
		owners,
		whaley.OwnerBuild{
			Owner: owner, Revision: o.ch.Revision, Instance: o.in.ID, At: began, Took: time.Since(began), Failed: err != nil,
		},
	)
	im.owners[id] = owners[max(0, len(owners)-maxOwners):]
	im.mu.Unlock()
	if err != nil {
		im.log.Error("build for an owner failed", "challenge", id, "owner", owner, "err", without(err, o.flags))
		fmt.Fprintf(b, "for owner %s:\n%s\n", owner, hidden(string(o.log), o.flags))
	}
	b.change(func() {})
}

// hidden is a text without an owner's flags.
func hidden(text string, flags []string) string {
	for _, f := range flags {
		text = strings.ReplaceAll(text, f, "(flag)")
	}
	return text
}

// without keeps an owner's flags out of what is logged: a builder's error may quote the line that failed.
func without(err error, flags []string) error {
	var known *whaley.Error
	if !errors.As(err, &known) || known.Err == nil {
		return err
	}
	plain := *known
	plain.Err = errors.New(hidden(known.Err.Error(), flags))
	return &plain
}

// tail is the end of what was written.
type tail []byte

// Write adds to the end.
func (t *tail) Write(text []byte) (int, error) {
	*t = append(*t, text...)
	if extra := len(*t) - maxLog; extra > 0 {
		*t = append((*t)[:0], (*t)[extra:]...)
	}
	return len(text), nil
}
