package challenge

import (
	"cmp"
	"regexp"
	"slices"
)

// candidate is what may be the flag, and where it stands: a file of the challenge, and a line or 0.
type candidate struct {
	rank  int
	file  string
	line  int
	text  string
	whole bool // a text that is nothing but a flag, and may hold what elsewhere is code
}

// sooner orders candidates by what they stand in.
func sooner(a, b candidate) int {
	return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.file, b.file))
}

// pretending is what texts say that only look like flags.
var pretending = regexp.MustCompile(`(?i)fake|dummy|decoy|placeholder|redacted|change_?me|not_?(the_?)?(real|flag)` +
	`|try_?(harder|again)` +
	`|(^|[^a-z0-9])(test|testing|sample|example|wrong|nope)([^a-z0-9]|$)`)

const maxNamed = 10 // candidates that notes tell of

// choose is the placeholder that is the flag. Of several the one is taken that alone does not say that it is none, or
// that alone stands in a flag file; else none is, since one that is no flag must never become one.
func (s *survey) choose(d *definition, problems *Problems) (text string, literal bool) {
	slices.SortStableFunc(s.found, sooner)
	var texts, honest, first []candidate // each text once
	for _, c := range s.found {
		again := slices.ContainsFunc(texts, func(o candidate) bool { return o.text == c.text })
		if c.rank < 0 || again || slices.Contains(d.Flag.Decoys, c.text) {
			continue
		}
		texts = append(texts, c)
		if !pretending.MatchString(c.text) {
			honest = append(honest, c)
		}
		if c.rank == 0 {
			first = append(first, c)
		}
	}
	tell := func(c candidate, format string, args ...any) { problems.note(c.file, c.line, "flag", format, args...) }
	switch {
	case len(texts) == 0:
		s.sortSimilar()
		for _, c := range s.similar[:min(len(s.similar), maxNamed)] {
			tell(c, "no owner gets a flag of their own of %s: if it is the flag, name it in instance.toml as [flag] text = %q",
				c.text, c.text)
		}
		return "", false
	case len(texts) == 1 && len(honest) == 0:
		tell(texts[0], "%s says that it is none, and is taken for the flag: nothing else looks like one. "+
			"Name the right one in instance.toml: [flag] text", texts[0].text)
		return texts[0].text, texts[0].whole
	case len(texts) == 1:
		return texts[0].text, texts[0].whole
	}
	var chosen candidate
	switch {
	case len(honest) == 1:
		chosen = honest[0]
	case len(first) == 1:
		chosen = first[0]
	}
	for n, c := range texts {
		switch {
		case n == maxNamed:
			tell(c, "and %d more look like flags", len(texts)-n)
			return chosen.text, chosen.whole
		case chosen.text == "":
			tell(c, "%s may be the flag, one of %d: no owner gets a flag of their own until instance.toml says which is it, "+
				"as [flag] text = %q", c.text, len(texts), c.text)
		case c.text != chosen.text:
			tell(c, "%s stays as it is: the flag is %s. If that is wrong, name it in instance.toml as [flag] text = %q",
				c.text, chosen.text, c.text)
		}
	}
	return chosen.text, chosen.whole
}

// tellPretending notes flags that say of themselves that they are none.
func tellPretending(forms []formAt, tomlFile string, problems *Problems) {
	for _, form := range forms {
		if pretending.MatchString(form.Text) {
			problems.note(
				tomlFile, 0, form.key, "%s says that it is none, and owners' flags begin with it: is it the right one?", form.Text,
			)
		}
	}
}

// sortSimilar leaves one of each text, flag files first.
func (s *survey) sortSimilar() {
	slices.SortStableFunc(s.similar, sooner)
	seen := map[string]bool{}
	s.similar = slices.DeleteFunc(s.similar, func(c candidate) bool {
		again := seen[c.text]
		seen[c.text] = true
		return again
	})
}
