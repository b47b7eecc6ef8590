package challenge

import (
	"strings"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"
)

// How much of a difference is told.
const (
	toldFiles    = 500
	toldLines    = 2000 // of all files
	toldLine     = 1000 // bytes of a line
	linesAround  = 3
	lineKept     = " "
	lineAdded    = "+"
	lineRemoved  = "-"
	fileAdded    = "added"
	fileRemoved  = "removed"
	fileChanged  = "changed"
	modeChanged  = "mode"
	noNewlineEnd = "\\ no line break at the end of the file"
)

// Changes is how a revision differs from another.
type Changes struct {
	Files []FileChange // by path
	More  int          // files that differ and are not listed
}

// FileChange is how one file or link differs. Before and After have the size in bytes and the mode.
type FileChange struct {
	Path, Change  string
	Before, After FileState
	Text          bool // what is in it can be compared by line
	Hunks         []Hunk
	Cut           bool // there are more lines than Hunks has
}

// FileState is a file on one side; of a file that is not there all is 0.
type FileState struct {
	Size int64
	Mode uint32
}

// Hunk is a piece of a file with lines that differ and some around them. The numbers are those of its first line.
type Hunk struct {
	Before, After int
	Lines         []Line
}

// Line is a line that is on both sides (" "), on the later one only ("+") or on the earlier one only ("-").
type Line struct{ Kind, Text string }

// Compare tells how two revisions differ, of which it is given what the Settings were told to keep. An empty earlier
// one is nothing at all: every file was added.
func Compare(earlier, later string) (Changes, error) {
	var before []content
	var err error
	if earlier != "" {
		if before, err = unpack(earlier); err != nil {
			return Changes{}, err
		}
	}
	after, err := unpack(later)
	if err != nil {
		return Changes{}, err
	}
	out, left := Changes{Files: []FileChange{}}, toldLines
	// Both are in the order in which a folder is walked, so they are merged like two sorted lists.
	for len(before) > 0 || len(after) > 0 {
		var was, is *content
		if len(after) == 0 || len(before) > 0 && !walkedBefore(after[0].Path, before[0].Path) {
			was = &before[0]
		}
		if len(before) == 0 || len(after) > 0 && !walkedBefore(before[0].Path, after[0].Path) {
			is = &after[0]
		}
		if was != nil {
			before = before[1:]
		}
		if is != nil {
			after = after[1:]
		}
		if was != nil && is != nil && was.Sum == is.Sum && was.Mode == is.Mode && was.Link == is.Link {
			continue
		}
		if len(out.Files) == toldFiles {
			out.More++
			continue
		}
		change, err := compare(was, is, &left)
		if err != nil {
			return Changes{}, err
		}
		out.Files = append(out.Files, change)
	}
	return out, nil
}

// walkedBefore is the order of filepath.WalkDir: by name, folder by folder.
func walkedBefore(a, b string) bool {
	return strings.ReplaceAll(a, "/", "\x00") < strings.ReplaceAll(b, "/", "\x00")
}

// compare is how one file differs, nil on the side where it is not. It takes the lines that it tells off left.
func compare(was, is *content, left *int) (FileChange, error) {
	c, nothing := FileChange{Change: fileChanged, Hunks: []Hunk{}}, &content{Whole: true}
	switch {
	case was == nil:
		was, c.Change = nothing, fileAdded
	case is == nil:
		is, c.Change = nothing, fileRemoved
	case was.Sum == is.Sum && was.Link == is.Link:
		c.Change = modeChanged
	}
	c.Path = max(was.Path, is.Path)
	c.Before, c.After = FileState{was.Size, was.Mode}, FileState{is.Size, is.Mode}
	c.Text = was.Whole && is.Whole
	if !c.Text || was.Text == is.Text {
		return c, nil
	}
	diff, err := udiff.ToUnifiedDiff("", "", was.Text, udiff.Lines(was.Text, is.Text), linesAround)
	if err != nil {
		return c, err
	}
	for _, h := range diff.Hunks {
		hunk := Hunk{Before: h.FromLine, After: h.ToLine, Lines: []Line{}}
		for _, l := range h.Lines {
			if *left <= 0 {
				c.Cut = true
				break
			}
			*left--
			hunk.add(
				map[udiff.OpKind]string{udiff.Delete: lineRemoved, udiff.Insert: lineAdded, udiff.Equal: lineKept}[l.Kind],
				l.Content,
			)
		}
		if len(hunk.Lines) > 0 {
			c.Hunks = append(c.Hunks, hunk)
		}
	}
	return c, nil
}

// add takes a line; of one that ends without a line break, where the two sides may differ in nothing else, it says so.
func (h *Hunk) add(kind, text string) {
	line, whole := strings.CutSuffix(text, "\n")
	if len(line) > toldLine {
		cut := toldLine
		for !utf8.RuneStart(line[cut]) {
			cut--
		}
		line = line[:cut] + "…"
	}
	h.Lines = append(h.Lines, Line{kind, line})
	if !whole && kind != lineKept {
		h.Lines = append(h.Lines, Line{lineKept, noNewlineEnd})
	}
}
