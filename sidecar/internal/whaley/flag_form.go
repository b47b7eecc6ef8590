package whaley

import (
	"slices"
	"strings"
)

// FlagForm is how one of a challenge's flags is made.
type FlagForm struct {
	Part        string // tells it from the challenge's other flags, for ever; of the first it is empty
	Name        string // what organisers call it; empty: they do not
	Open, Close string // what flags have before and after their text: "FLAG{" and "}"
	// Text is what a flag takes the place of, the flag as its author wrote it; empty: there is none. All else that looks
	// like a flag stays as it is.
	Text string
	// Literal says that Text is replaced wherever it stands, whatever it looks like.
	Literal bool
	// Elsewhere says that the flag gets into every instance by other ways than images: values, mounted files.
	Elsewhere bool
	// Core is what stands for the flag's digits where images are built: random letters, none of them a digit of a flag.
	Core string
	// Scoreboard is the challenge of CTFd that instance.toml names for this flag.
	Scoreboard ScoreboardName
}

// ScoreboardName is a challenge of CTFd as authors write it: its id, or else its name; neither: none is named.
type ScoreboardName struct {
	ID   int
	Name string
}

// Digits is how many lower-case hexadecimal digits make an owner's flag out of Text.
func (f FlagForm) Digits() int {
	if f.Text == "" {
		return 32
	}
	return 16
}

// Flag is the flag that some digits make: PREFIX{base_digits} of PREFIX{base}, or PREFIX{digits} without a text. A text
// that ends neither as flags do nor with a brace has them at its end.
func (f FlagForm) Flag(digits string) string {
	if f.Text == "" {
		return f.Open + digits + f.Close
	}
	end := ""
	for _, e := range []string{"}", f.Close} {
		if e != "" && strings.HasSuffix(f.Text, e) {
			end = e
		}
	}
	return strings.TrimSuffix(f.Text, end) + "_" + digits + end
}

// Sentinel stands for the flag where images are built: as long as a flag, and never anybody's.
func (f FlagForm) Sentinel() string { return f.Flag(f.Core) }

// DigitsOf takes a flag of this form apart. A flag that was made before its challenge's placeholder was edited is none.
func (f FlagForm) DigitsOf(flag string) (string, bool) {
	head, tail, _ := strings.Cut(f.Flag("\x00"), "\x00")
	digits, ok := strings.CutPrefix(flag, head)
	digits, closed := strings.CutSuffix(digits, tail)
	if !ok || !closed || len(digits) != f.Digits() || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", false
	}
	return digits, true
}

// Variables are the names by which a compose file asks for the flag: FLAG and DYNAMIC_FLAG for the first, FLAG_<part>
// for each that has one.
func (f FlagForm) Variables() (names []string) {
	if f.Part == "" {
		names = []string{"FLAG", "DYNAMIC_FLAG"}
	}
	for _, name := range []string{f.Part, f.Name} {
		if name = "FLAG_" + variableName(name); name != "FLAG_" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// variableName is a text as a part of an environment variable's name.
func variableName(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, strings.ToUpper(text))
}

// OfPart names a part of a challenge in a sentence; the first has no name.
func OfPart(part string) string {
	if part == "" {
		return ""
	}
	return ", part " + part
}
