package instancer

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// unseen are the flags, by their place in the plan, that no scan has found and nothing but an image can hold.
func (b *build) unseen() (all []int) {
	for n, form := range b.ch.Flag.Forms() {
		found := form.Elsewhere
		for _, f := range b.flags {
			found = found || f != nil && f.Found[n]
		}
		if !found {
			all = append(all, n)
		}
	}
	return all
}

// tryParts refuses a challenge of several parts one of whose flags is in no image: its owners would get all others, and
// nobody would notice. With another sentinel in its place the images must be others. A single flag is tried with its
// owner's.
func (im *images) tryParts(ctx context.Context, b *build) error {
	plan := b.ch.Flag
	if !plan.Dynamic || len(plan.More) == 0 {
		return nil
	}
	for _, n := range b.unseen() {
		flags := plan.Sentinels()
		form := plan.Forms()[n]
		flags[n] = form.Flag(otherCore(form.Core))
		differs := false
		err := b.stage("whether flag "+strconv.Itoa(n+1)+" is in any image", func() (err error) {
			differs, err = im.differs(ctx, b, flags, n)
			return err
		})
		if err != nil {
			return err
		}
		if !differs {
			return whaley.Errorf(
				whaley.Unavailable, "flag_nowhere",
				"Flag %d of the challenge is in no file that gets into its images: with another one they are the same. "+
					"Tell an organiser: its text must be in what the Dockerfile copies, or it must not be among [[flags]].", n+1,
			)
		}
	}
	return nil
}

// differs says whether images with other flags are others.
func (im *images) differs(ctx context.Context, b *build, flags []string, n int) (bool, error) {
	for _, s := range b.ch.Services {
		if s.Build == nil || !s.Build.Flag {
			continue
		}
		other := s
		other.Image = fmt.Sprintf("%s-part%d", s.Image, n+1)
		if err := im.engine.BuildImage(ctx, BuildSpec{Challenge: b.ch, Service: &other, Flags: flags, Again: b.again}, b); err != nil {
			return false, err
		}
		if same, err := im.engine.SameImage(ctx, s.Image, other.Image); err != nil || !same {
			return !same, err
		}
	}
	return false, nil
}

// otherCore is one of the same length in which every letter is another.
func otherCore(core string) string {
	letters := []byte(core)
	for n, c := range letters {
		letters[n] = 'g' + (c-'g'+7)%20
	}
	slices.Reverse(letters)
	return string(letters)
}
