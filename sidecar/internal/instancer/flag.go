package instancer

import (
	"context"
	"strings"
)

// Place is how an owner's flag gets into an instance: what `[flag] place` says.
type Place string

// The four ways.
const (
	PlaceAuto  Place = "auto"  // put into built images and mounted files; built per owner where that cannot be
	PlaceBuild Place = "build" // images are built per owner
	PlaceEnv   Place = "env"   // also given to every service as the variable FLAG
	PlaceNone  Place = "none"  // owners get no flags of their own
)

// FlagPlan is what loading found out about a challenge's flag.
type FlagPlan struct {
	Dynamic bool  // each owner gets a flag of their own; false: the challenge is as its author wrote it
	Place   Place // not PlaceNone if Dynamic
	Prefix  string
	// Text is what a flag takes the place of, the flag as its author wrote it; empty: there is none. All else that looks
	// like a flag stays as it is.
	Text string
	// Literal says that the author has named Text: it is replaced wherever it stands, whatever it looks like.
	Literal bool
	// Elsewhere says that the flag gets into every instance by other ways than images: values, mounted files.
	Elsewhere bool
	// Core is what stands for the flag's digits where images are built: random letters, none of them a digit of a flag.
	Core string
}

// Digits is how many lower-case hexadecimal digits make an owner's flag out of Text.
func (p FlagPlan) Digits() int {
	if p.Text == "" {
		return 32
	}
	return 16
}

// Flag is the flag that some digits make: PREFIX{base_digits} of PREFIX{base}, or PREFIX{digits} without a text. A text
// that does not end with a brace has them at its end.
func (p FlagPlan) Flag(digits string) string {
	if p.Text == "" {
		return p.Prefix + "{" + digits + "}"
	}
	before, closed := strings.CutSuffix(p.Text, "}")
	if !closed {
		return before + "_" + digits
	}
	return before + "_" + digits + "}"
}

// Sentinel stands for the flag where images are built: as long as a flag, and never anybody's.
func (p FlagPlan) Sentinel() string { return p.Flag(p.Core) }

// DigitsOf takes a flag of this plan apart. A flag that was made before its challenge's placeholder was edited is none.
func (p FlagPlan) DigitsOf(flag string) (string, bool) {
	head, tail, _ := strings.Cut(p.Flag("\x00"), "\x00")
	digits, ok := strings.CutPrefix(flag, head)
	digits, closed := strings.CutSuffix(digits, tail)
	if !ok || !closed || len(digits) != p.Digits() || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", false
	}
	return digits, true
}

// flag is an owner's flag for a challenge, or empty if it has none.
func (i *Instancer) flag(ctx context.Context, in *Instance, ch *Challenge) (string, error) {
	if !ch.Flag.Dynamic {
		return "", nil
	}
	if i.Flags == nil {
		return "", errNotPlaced("nothing makes flags here")
	}
	value, err := i.Flags.Flag(ctx, in.Owner, ch)
	if err != nil {
		return "", err
	}
	if value == "" || value == ch.Flag.Sentinel() {
		return "", errNotPlaced("the owner's flag is none")
	}
	return value, nil
}

// errNotPlaced ends a spawn whose flag did not get where it should: nobody plays for a placeholder.
func errNotPlaced(why string) *Error {
	return Errorf(Internal, CodeFlagNotPlaced, "The challenge's flag could not be put in place. Tell an organiser: %s.", why)
}
