package sentinel

import (
	"bytes"
	"cmp"
	"slices"
)

// Swap is a finder, and what takes the place of what it finds.
type Swap struct {
	Finder Finder
	With   string
}

// span is where one of several finders has found something.
type span struct{ from, to, which int }

// spansOf are what several finders find. Of what overlaps the first counts, of what begins together the longest.
func spansOf(text []byte, finders []Finder) (all []span) {
	for n, f := range finders {
		for _, s := range f.spans(text) {
			all = append(all, span{s[0], s[1], n})
		}
	}
	slices.SortStableFunc(all, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
	end := 0
	return slices.DeleteFunc(all, func(s span) bool {
		if s.from < end {
			return true
		}
		end = s.to
		return finders[s.which].decoy
	})
}

// Find lists the different placeholders that several finders find in a text, in their order.
func Find(text []byte, finders []Finder) (found []Found) {
	text, _ = decode(text)
	line, counted := 1, 0
	for _, s := range spansOf(text, finders) {
		line += bytes.Count(text[counted:s.from], []byte("\n"))
		counted = s.from
		p := string(text[s.from:s.to])
		if !slices.ContainsFunc(found, func(other Found) bool { return other.Text == p }) {
			found = append(found, Found{p, line})
		}
	}
	return found
}

// Replace puts other texts in the place of all that is found, and says of how many. Nothing is replaced twice.
func Replace(text []byte, swaps []Swap) ([]byte, int) {
	finders := make([]Finder, len(swaps))
	longest := 0
	for n, s := range swaps {
		finders[n], longest = s.Finder, max(longest, len(s.With))
	}
	plain, wide := decode(text)
	spans := spansOf(plain, finders)
	if len(spans) == 0 {
		return text, 0
	}
	out := make([]byte, 0, len(plain)+len(spans)*longest)
	at := 0
	for _, s := range spans {
		out = append(append(out, plain[at:s.from]...), swaps[s.which].With...)
		at = s.to
	}
	return encode(append(out, plain[at:]...), wide), len(spans)
}
