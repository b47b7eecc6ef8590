package whaley

// Place is how an owner's flag gets into an instance: what `[flag] place` says.
type Place string

// The four ways.
const (
	PlaceAuto  Place = "auto"  // put into built images and mounted files; built per owner where that cannot be
	PlaceBuild Place = "build" // images are built per owner
	PlaceEnv   Place = "env"   // also given to every service as the variable FLAG
	PlaceNone  Place = "none"  // owners get no flags of their own
)

// FlagPlan is what loading found out about a challenge's flags.
type FlagPlan struct {
	Dynamic  bool       // each owner gets flags of their own; false: the challenge is as its author wrote it
	Place    Place      // not PlaceNone if Dynamic
	FlagForm            // of the first flag, mostly the only one
	More     []FlagForm // of the others, one for each further part of the challenge
	Decoys   []string   // texts that stay as they are, also where a flag's text is part of them
}

// Forms are those of all flags.
func (p FlagPlan) Forms() []FlagForm { return append([]FlagForm{p.FlagForm}, p.More...) }

// Add has owners get one more flag.
func (p *FlagPlan) Add(form FlagForm) {
	if !p.Dynamic {
		p.Dynamic, p.FlagForm = true, form
		return
	}
	p.More = append(p.More, form)
}

// Sentinels stand for the flags where images are built.
func (p FlagPlan) Sentinels() (all []string) {
	for _, f := range p.Forms() {
		all = append(all, f.Sentinel())
	}
	return all
}

// Cores are what stands for the digits of the flags where images are built.
func (p FlagPlan) Cores() (all []string) {
	for _, f := range p.Forms() {
		all = append(all, f.Core)
	}
	return all
}

// AllDigits takes an owner's flags of this plan apart; false if one of them is none.
func (p FlagPlan) AllDigits(flags []string) (all []string, ok bool) {
	forms := p.Forms()
	if len(forms) != len(flags) {
		return nil, false
	}
	for n, f := range forms {
		digits, fits := f.DigitsOf(flags[n])
		if !fits {
			return nil, false
		}
		all = append(all, digits)
	}
	return all, true
}
