package flag

import (
	"context"
	"slices"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// mapLoop maps what instance.toml files name, and tells the log of what is not mapped.
func (f *Flags) mapLoop(ctx context.Context) error {
	var told, absent []string
	for {
		named, err := f.mapByFile(ctx, absent)
		if absent = named; err != nil && ctx.Err() == nil {
			f.log.Warn("what instance.toml files name in ctfd is not mapped yet", "err", err)
		}
		told = f.warnUnmapped(ctx, told)
		if loop.Sleep(ctx, f.opts.MapEvery) != nil {
			return nil
		}
	}
}

// mapByFile maps what instance.toml files say of challenges of CTFd, unless it is so already. It tells the log of those
// that CTFd does not have, whenever they are others than before, and returns them.
func (f *Flags) mapByFile(ctx context.Context, told []string) ([]string, error) {
	type wish struct {
		challenge string
		form      whaley.FlagForm
	}
	var wishes []wish
	now, err := f.store.Mappings(ctx)
	if err != nil {
		return told, err
	}
	if err := f.dropParts(ctx, now); err != nil {
		return told, err
	}
	for _, ch := range f.challenges.All() {
		for _, form := range ch.Flag.Forms() {
			if ch.Flag.Dynamic && form.Scoreboard != (whaley.ScoreboardName{}) {
				wishes = append(wishes, wish{ch.ID, form})
			}
		}
	}
	if len(wishes) == 0 {
		return nil, nil
	}
	there, err := f.ctfd.Challenges(ctx)
	if err != nil {
		return told, err
	}
	var missing []string
	for _, w := range wishes {
		at := slices.IndexFunc(there, func(c whaley.ScoreboardChallenge) bool {
			return fits(w.form.Scoreboard, c)
		})
		if at < 0 {
			missing = append(missing, w.challenge+whaley.OfPart(w.form.Part))
			continue
		}
		m := &whaley.Mapping{
			Challenge: w.challenge, Part: w.form.Part, CTFdChallenge: there[at].ID, CTFdName: there[at].Name,
			CreatedAt: time.Now().UTC(),
		}
		if slices.ContainsFunc(now, func(o *whaley.Mapping) bool {
			return o.Challenge == m.Challenge && o.Part == m.Part && o.CTFdChallenge == m.CTFdChallenge
		}) {
			continue
		}
		if err := f.store.Map(ctx, m); err != nil {
			f.log.Warn(
				"mapping of instance.toml not made", "challenge", w.challenge, "part", w.form.Part, "ctfd_challenge",
				m.CTFdChallenge, "err", err,
			)
			continue
		}
		f.kick.Send()
	}
	if len(missing) > 0 && !slices.Equal(missing, told) {
		f.log.Warn("instance.toml names challenges that ctfd does not have", "challenges", missing)
	}
	return missing, nil
}

// fits says whether a challenge of CTFd is the one that a file names; where it names none, any is.
func fits(name whaley.ScoreboardName, there whaley.ScoreboardChallenge) bool {
	return name == (whaley.ScoreboardName{}) || name.ID == there.ID || name.ID == 0 && name.Name == there.Name
}

// dropParts forgets the mappings of parts that challenges have no more. Those of one that cannot be loaded stay: it may
// be back in a minute.
func (f *Flags) dropParts(ctx context.Context, now []*whaley.Mapping) error {
	for _, m := range now {
		ch, ok := f.challenges.Get(m.Challenge)
		if !ok || !ch.Flag.Dynamic || m.Part == "" ||
			slices.ContainsFunc(ch.Flag.Forms(), func(form whaley.FlagForm) bool { return form.Part == m.Part }) {
			continue
		}
		if _, err := f.store.Unmap(ctx, m.Challenge, m.Part); err != nil {
			return err
		}
		f.log.Info("mapping dropped, the challenge has no such part any more", "challenge", m.Challenge, "part", m.Part)
	}
	return nil
}
