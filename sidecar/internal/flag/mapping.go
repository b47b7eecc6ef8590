package flag

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Map says which challenge of CTFd a challenge is, or where one of its parts belongs. Flags that were made before are
// registered there at once. One whose owners have no flags of their own is mapped for its link's sake.
func (f *Flags) Map(ctx context.Context, challenge, part string, ctfdChallenge int) (*whaley.Mapping, error) {
	if f.ctfd == nil {
		return nil, whaley.ErrNoCTFd
	}
	ch, ok := f.challenges.Get(challenge)
	if !ok {
		return nil, whaley.Errorf(whaley.NotFound, "challenge_not_found", "There is no challenge %q.", challenge)
	}
	at := slices.IndexFunc(ch.Flag.Forms(), func(form whaley.FlagForm) bool { return form.Part == part })
	if at < 0 && part != "" {
		return nil, whaley.Errorf(whaley.NotFound, "part_not_found", "%s has no flag of a part %q.", challenge, part)
	}
	all, err := f.ctfd.Challenges(ctx)
	if err != nil {
		return nil, err
	}
	for _, there := range all {
		if there.ID == ctfdChallenge {
			if at >= 0 && !fits(ch.Flag.Forms()[at].Scoreboard, there) {
				return nil, whaley.Errorf(whaley.Conflict, "mapping_in_file",
					"The instance.toml of %s names another challenge of CTFd%s. Change it there.", challenge, whaley.OfPart(part))
			}
			m := &whaley.Mapping{
				Challenge: challenge, Part: part, CTFdChallenge: there.ID, CTFdName: there.Name, CreatedAt: time.Now().UTC(),
			}
			err := f.store.Map(ctx, m)
			f.known.forget()
			if err == nil {
				err = f.store.TryRegistrationsNow(ctx) // what was refused until somebody had looked at it
			}
			f.kick.Send()
			return m, err
		}
	}
	return nil, whaley.Errorf(whaley.NotFound, "ctfd_challenge_not_found", "CTFd has no challenge %d.", ctfdChallenge)
}

// Unmap forgets a challenge's mapping, whose flags stay in CTFd since instances that run have them, or that of one
// part, whose flags go to where its challenge's others are.
func (f *Flags) Unmap(ctx context.Context, challenge, part string) error {
	had, err := f.store.Unmap(ctx, challenge, part)
	f.kick.Send()
	if err == nil && !had {
		return errNotMapped(challenge)
	}
	return err
}

func errNotMapped(challenge string) error {
	return whaley.Errorf(whaley.NotFound, "mapping_not_found", "The challenge %q is not mapped to one of CTFd.", challenge)
}

// Mappings lists which challenges are in CTFd.
func (f *Flags) Mappings(ctx context.Context) ([]*whaley.Mapping, error) {
	return f.store.Mappings(ctx)
}

// Unmapped lists the challenges whose owners get flags that CTFd is not told of, by id.
func (f *Flags) Unmapped(ctx context.Context) ([]string, error) {
	all, err := f.store.Mappings(ctx)
	if err != nil {
		return nil, err
	}
	type place struct{ challenge, part string }
	mapped := map[place]bool{}
	for _, m := range all {
		mapped[place{m.Challenge, m.Part}] = true
	}
	missing := []string{}
	for _, ch := range f.challenges.All() {
		nowhere := func(form whaley.FlagForm) bool { return !mapped[place{ch.ID, form.Part}] }
		if ch.Flag.Dynamic && !mapped[place{ch.ID, ""}] && slices.ContainsFunc(ch.Flag.Forms(), nowhere) {
			missing = append(missing, ch.ID)
		}
	}
	return missing, nil
}

// warnUnmapped tells the log of challenges that nobody can solve, whenever they are others than before.
func (f *Flags) warnUnmapped(ctx context.Context, told []string) []string {
	missing, err := f.Unmapped(ctx)
	if err != nil {
		return told
	}
	if len(missing) > 0 && !slices.Equal(missing, told) {
		f.log.Warn(
			"ctfd does not know the flags of challenges that are not mapped; map them in the admin panel", "challenges", missing,
		)
	}
	return missing
}

// Suggestion is which challenge of CTFd one of ours probably is.
type Suggestion struct {
	CTFdChallenge int
	CTFdName      string
	Exact         bool // the same name, but for case and signs
}

// Pairing is the two lists of challenges side by side.
type Pairing struct {
	CTFd      []whaley.ScoreboardChallenge
	Mapped    map[int]string    // challenge of CTFd → ours
	Doubts    []Doubt           // mappings that somebody has to look at
	Of        map[string]int    // our challenge → that of CTFd; not those of parts
	OfPart    map[[2]string]int // our challenge and which of its further flags → that of CTFd
	Local     []*whaley.Challenge
	Suggested map[string]Suggestion // by our challenge, for those not mapped
}

// Pair reads CTFd's challenges, hidden ones too, and suggests which of ours they are.
func (f *Flags) Pair(ctx context.Context) (Pairing, error) {
	if f.ctfd == nil {
		return Pairing{}, whaley.ErrNoCTFd
	}
	mappings, err := f.store.Mappings(ctx)
	if err != nil {
		return Pairing{}, err
	}
	p := Pairing{
		Mapped: map[int]string{}, Of: map[string]int{}, Local: f.challenges.All(), Suggested: map[string]Suggestion{},
		OfPart: map[[2]string]int{},
	}
	if p.CTFd, err = f.ctfd.Challenges(ctx); err != nil {
		return Pairing{}, err
	}
	for _, m := range mappings {
		if p.Mapped[m.CTFdChallenge] = m.Challenge; m.Part == "" {
			p.Of[m.Challenge] = m.CTFdChallenge
		} else {
			p.OfPart[[2]string{m.Challenge, m.Part}] = m.CTFdChallenge
		}
	}
	p.Doubts = Doubts(mappings, p.CTFd)
	gone := map[string]bool{} // a suggestion is what helps there
	for _, d := range p.Doubts {
		gone[d.Challenge] = gone[d.Challenge] || d.Now == "" && d.Part == ""
	}
	for _, ch := range p.Local {
		if p.Of[ch.ID] != 0 && !gone[ch.ID] {
			continue
		}
		if s, ok := suggest(ch, p.CTFd, p.Mapped); ok {
			p.Suggested[ch.ID] = s
		}
	}
	return p, nil
}

// Doubt is a mapping whose challenge of CTFd is gone, or has another name than when it was mapped: nothing is
// registered there until it is mapped again.
type Doubt struct {
	Challenge     string
	Part          string // of the challenge's flags only that one
	CTFdChallenge int
	Was, Now      string // names; Now is empty if it is gone
}

// Text says what is wrong, for organisers.
func (d Doubt) Text() string {
	if d.Now == "" {
		return fmt.Sprintf(
			"%s is mapped to CTFd's challenge %d %q, which is gone", d.Challenge+whaley.OfPart(d.Part), d.CTFdChallenge, d.Was,
		)
	}
	return fmt.Sprintf(
		"%s is mapped to CTFd's challenge %d, which was %q and is %q now", d.Challenge+whaley.OfPart(d.Part), d.CTFdChallenge, d.Was,
		d.Now,
	)
}

// Doubts finds them among mappings, by what CTFd has now.
func Doubts(mappings []*whaley.Mapping, ctfd []whaley.ScoreboardChallenge) []Doubt {
	names := map[int]string{}
	for _, ch := range ctfd {
		names[ch.ID] = ch.Name
	}
	var all []Doubt
	for _, m := range mappings {
		if now := names[m.CTFdChallenge]; !whaley.SameName(m.CTFdName, now) {
			all = append(all, Doubt{m.Challenge, m.Part, m.CTFdChallenge, m.CTFdName, now})
		}
	}
	return all
}

// suggest finds the one challenge of CTFd that has the same name, or a name that is near enough and nearer than others.
func suggest(ch *whaley.Challenge, all []whaley.ScoreboardChallenge, mapped map[int]string) (Suggestion, bool) {
	const near = 0.6
	best, second := 0.0, 0.0
	var found Suggestion
	for _, there := range all {
		if mapped[there.ID] != "" {
			continue
		}
		alike := max(likeness(ch.Name, there.Name), likeness(ch.ID, there.Name))
		switch {
		case alike > best:
			best, second = alike, best
			found = Suggestion{CTFdChallenge: there.ID, CTFdName: there.Name, Exact: alike == 1}
		case alike > second:
			second = alike
		}
	}
	return found, best >= near && best > second
}

// likeness is 1 for the same letters and digits, else the part of the pairs of neighbours that two names share, below
// 1.
func likeness(a, b string) float64 {
	a, b = whaley.PlainName(a), whaley.PlainName(b)
	if a == b {
		if a == "" {
			return 0
		}
		return 1
	}
	x, y := pairs(a), pairs(b)
	shared := 0
	total := 0
	for pair, n := range x {
		shared += min(n, y[pair])
		total += n
	}
	for _, n := range y {
		total += n
	}
	if total == 0 {
		return 0
	}
	return min(0.99, 2*float64(shared)/float64(total))
}

func pairs(s string) map[string]int {
	all := map[string]int{}
	letters := []rune(s)
	for n := 1; n < len(letters); n++ {
		all[string(letters[n-1:n+1])]++
	}
	return all
}
