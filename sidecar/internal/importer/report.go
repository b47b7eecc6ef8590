package importer

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
)

// The verdicts of a challenge.
const (
	Taken   = "taken"   // it loads as its author wrote it
	Noted   = "noted"   // it loads, and the notes say what was taken otherwise or guessed
	Refused = "refused" // it does not load
)

// Result is what became of one challenge.
type Result struct {
	Folder   string // absolute
	ID       string
	Format   string // of its metadata; empty: it has none
	Kept     bool   // it had an instance.toml, which was left as it is
	Made     bool   // it has no compose file: import makes one of its Dockerfiles
	Loaded   bool
	Flag     string   // own: each owner has one of their own; none
	Flags    []string // what metadata say
	Routes   []route
	Notes    []string
	Refusals []challenge.Problem
}

// Verdict is one of Taken, Noted and Refused.
func (r Result) Verdict() string {
	switch {
	case !r.Loaded:
		return Refused
	case len(r.Notes) > 0:
		return Noted
	}
	return Taken
}

// Report is what became of all.
type Report struct {
	Results []Result
	Notes   []string // what was not looked at
	Resting int      // folders that have metadata and nothing that runs
}

// Refused is how many challenges do not load.
func (r Report) Refused() int { return r.count(Refused) }

func (r Report) count(verdict string) int {
	n := 0
	for _, one := range r.Results {
		if one.Verdict() == verdict {
			n++
		}
	}
	return n
}

// Print writes a line for each challenge, what is to be said of each, and how many there are. Nothing that a folder
// or file is called by reaches a terminal as anything but text.
func (r Report) Print(out io.Writer, from string) error {
	var text strings.Builder
	shown := func(path string) string {
		if name, err := filepath.Rel(from, path); err == nil && filepath.IsLocal(name) {
			path = name
		}
		return plainText(path)
	}
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "folder\tid\tverdict\troutes\tflag\tmetadata")
	for _, one := range r.Results {
		kept := ""
		if one.Kept {
			kept = " (kept)"
		}
		fmt.Fprintf(
			w, "%s\t%s\t%s%s\t%s\t%s\t%s\n", shown(one.Folder), plainText(one.ID), one.Verdict(), kept, routesText(one.Routes),
			orDash(one.Flag), orDash(one.Format),
		)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, one := range r.Results {
		if len(one.Refusals)+len(one.Notes) == 0 {
			continue
		}
		fmt.Fprintf(&text, "\n%s\n", shown(one.Folder))
		for _, p := range one.Refusals {
			fmt.Fprintf(&text, "  refused: %s\n", lines(p.String()))
		}
		for _, n := range one.Notes {
			fmt.Fprintf(&text, "  note: %s\n", lines(n))
		}
	}
	fmt.Fprintln(&text)
	for _, n := range append(slices.Clone(r.Notes), r.otherPrefixes()...) {
		fmt.Fprintf(&text, "%s\n", plainText(n))
	}
	if r.Resting > 0 {
		fmt.Fprintf(&text, "%d folders have metadata and nothing that runs: they need no instancer.\n", r.Resting)
	}
	found := fmt.Sprintf("%d challenges", len(r.Results))
	if len(r.Results) == 1 {
		found = "1 challenge"
	}
	fmt.Fprintf(
		&text, "%s: %d can be used, %d of them with notes; %d refused.\n", found, r.count(Taken)+r.count(Noted), r.count(Noted),
		r.Refused(),
	)
	_, err := io.WriteString(out, text.String())
	return err
}

func routesText(routes []route) string {
	var all []string
	for _, r := range routes[:min(len(routes), 3)] {
		all = append(all, fmt.Sprintf("%s:%d %s", plainText(r.Service), r.Port, r.Type))
	}
	if more := len(routes) - len(all); more > 0 {
		all = append(all, fmt.Sprintf("%d more", more))
	}
	return orDash(strings.Join(all, ", "))
}

// lines are a text's, those after the first set in.
func lines(text string) string {
	var all []string
	for line := range strings.SplitSeq(text, "\n") {
		all = append(all, plainText(line))
	}
	return strings.Join(all, "\n    ")
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
