package challenge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Problem is one thing that is wrong with a challenge, or (Note) that was taken otherwise than it is written.
type Problem struct {
	File string // relative to the challenges folder
	Line int    // 0: not known
	Key  string // empty: the whole file
	Text string // what is wrong and what would be right; of a note: what was done instead
	Note bool   // it keeps no challenge from loading
}

func (p Problem) String() string {
	at := p.File
	if p.Line > 0 {
		at += fmt.Sprintf(":%d", p.Line)
	}
	if p.Key != "" {
		at += ": " + p.Key
	}
	if p.Note {
		return at + ": note: " + p.Text
	}
	return at + ": " + p.Text
}

// Problems is all that was found in a challenge. It is an error only if something in it is no note.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for n, problem := range p {
		lines[n] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// add tells of one more, as long as there are not too many: a file of nothing but mistakes is not listed whole.
func (p *Problems) add(file string, line int, key, format string, args ...any) {
	p.append(Problem{File: file, Line: line, Key: key}, fmt.Sprintf(format, args...))
}

// note says what was done with something that is harmless but not taken as it is written.
func (p *Problems) note(file string, line int, key, format string, args ...any) {
	p.append(Problem{File: file, Line: line, Key: key, Note: true}, fmt.Sprintf(format, args...))
}

func (p *Problems) append(one Problem, text string) {
	switch {
	case p.full():
		return
	case len(*p) == maxProblems:
		one.Note = false // more cannot be told, and might be a refusal
		text = "there is more that is wrong; fix this first"
	case len(text) > maxProblem:
		text = strings.ToValidUTF8(text[:maxProblem/2], "") + " … " + strings.ToValidUTF8(text[len(text)-maxProblem/2:], "")
	}
	one.Text = text
	if !slices.Contains(*p, one) { // what is used more than once is told of once
		*p = append(*p, one)
	}
}

func (p *Problems) full() bool { return len(*p) > maxProblems }

// refused says whether anything in it keeps the challenge from loading.
func (p Problems) refused() bool {
	return slices.ContainsFunc(p, func(one Problem) bool { return !one.Note })
}

// Split parts what keeps a challenge from loading from the notes.
func Split(all []Problem) (refusals, notes []Problem) {
	for _, p := range all {
		if p.Note {
			notes = append(notes, p)
		} else {
			refusals = append(refusals, p)
		}
	}
	return refusals, notes
}

// notesOf are the notes of a challenge that has loaded.
func notesOf(ch *whaley.Challenge) []Problem {
	var notes []Problem
	for _, n := range ch.Notes {
		notes = append(notes, Problem{File: n.File, Line: n.Line, Key: n.Key, Text: n.Text, Note: true})
	}
	return notes
}

// withoutEchoes is what was found without what follows only from something that was refused before: a key that is
// refused is left out, and then missed. first is how many were found before anything could follow.
func (p Problems) withoutEchoes(first int) Problems {
	kept := slices.Clone(p[:first])
	for _, later := range p[first:] {
		echo := slices.ContainsFunc(p[:first], func(earlier Problem) bool {
			return !earlier.Note && earlier.File == later.File &&
				(within(later.Key, earlier.Key) || within(earlier.Key, later.Key))
		})
		if !echo {
			kept = append(kept, later)
		}
	}
	return kept
}

// within says whether a key is another one or below it; all are below the empty one.
func within(key, of string) bool {
	return of == "" || key == of || strings.HasPrefix(key, of+".") || strings.HasPrefix(key, of+"[")
}
