package challenge

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with a challenge.
type Problem struct {
	File string // relative to the challenges folder
	Line int    // 0: not known
	Key  string // empty: the whole file
	Text string // what is wrong and what would be right
}

func (p Problem) String() string {
	at := p.File
	if p.Line > 0 {
		at += fmt.Sprintf(":%d", p.Line)
	}
	if p.Key != "" {
		at += ": " + p.Key
	}
	return at + ": " + p.Text
}

// Problems is all that is wrong with a challenge; it is an error if there is any.
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
	text := fmt.Sprintf(format, args...)
	switch {
	case p.full():
		return
	case len(*p) == maxProblems:
		text = "there is more that is wrong; mend this first"
	case len(text) > maxProblem:
		text = strings.ToValidUTF8(text[:maxProblem/2], "") + " … " + strings.ToValidUTF8(text[len(text)-maxProblem/2:], "")
	}
	*p = append(*p, Problem{File: file, Line: line, Key: key, Text: text})
}

func (p *Problems) full() bool { return len(*p) > maxProblems }
