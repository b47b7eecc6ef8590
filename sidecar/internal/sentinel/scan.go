package sentinel

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
)

// Hit is one place in a file that holds the core.
type Hit struct {
	Offset int64 `json:"offset"`
	Width  int   `json:"width"`          // bytes a letter: 1, or 2 in UTF-16 of either order, from letter to letter
	Flag   int   `json:"flag,omitempty"` // whose core it is: which of those that were sought
}

// text is the core, or what takes its place, as it stands at a hit.
func (h Hit) text(core string) []byte {
	if h.Width == 1 {
		return []byte(core)
	}
	out := make([]byte, 2*len(core)-1)
	for n := range len(core) {
		out[2*n] = core[n]
	}
	return out
}

const (
	piece  = 8         // letters of the core in a row that are no accident
	margin = 512       // bytes: no pattern is longer, so this much is looked at again with what follows
	block  = 256 << 10 // bytes read at a time
)

// Sought is one flag that is looked for.
type Sought struct {
	Core        string
	Placeholder string   // should be gone; empty: there is none
	Within      []string // texts that rightly hold the placeholder: sentinels, decoys
}

// Left says whether a text still holds the placeholder, and not only within what rightly does.
func (s Sought) Left(text string) bool {
	for at := 0; s.Placeholder != ""; at++ {
		n := strings.Index(text[at:], s.Placeholder)
		if n < 0 {
			break
		}
		if at += n; s.left([]byte(text), at) {
			return true
		}
	}
	return false
}

// left says whether the placeholder that begins somewhere in a text is within nothing that rightly holds it.
func (s Sought) left(text []byte, at int) bool {
	for _, w := range s.Within {
		for from := 0; ; from++ {
			n := strings.Index(w[from:], s.Placeholder)
			if n < 0 {
				break
			}
			from += n
			if at >= from && bytes.HasPrefix(text[at-from:], []byte(w)) {
				return false
			}
		}
	}
	return true
}

// pattern is a form in which the core cannot be replaced, or a placeholder that should be gone.
type pattern struct {
	text []byte
	why  string
	left bool // a placeholder
}

// scanner looks for some cores in any number of files.
type scanner []lookout

// lookout looks for one of them.
type lookout struct {
	sought Sought
	flag   int
	core   []byte
	probes [2]int // places in the core of four letters: any piece holds one of them
	wide   []byte
	odd    []pattern
}

func newScanner(all []Sought) scanner {
	var s scanner
	for n, one := range all {
		s = append(s, newLookout(n, one))
	}
	return s
}

func newLookout(flag int, sought Sought) lookout {
	core := sought.Core
	s := lookout{
		sought: sought, flag: flag, core: []byte(core), probes: [2]int{len(core)/2 - 4, len(core) / 2},
		wide: Hit{Width: 2}.text(core),
	}
	for align := range 3 {
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, align), core...))
		from := []int{0, 2, 3}[align] // characters that what stands before it also decides
		to := (align + len(core)) * 8 / 6
		s.odd = append(s.odd, pattern{text: []byte(text[from:to]), why: "as base64"})
	}
	hexed := hex.EncodeToString([]byte(core))
	s.odd = append(s.odd, pattern{text: []byte(hexed), why: "in hexadecimal"})
	if upper := strings.ToUpper(hexed); upper != hexed {
		s.odd = append(s.odd, pattern{text: []byte(upper), why: "in hexadecimal"})
	}
	backwards := slices.Clone(s.core)
	slices.Reverse(backwards)
	s.odd = append(s.odd, pattern{text: backwards, why: "backwards"})
	if sought.Placeholder != "" {
		s.odd = append(s.odd, pattern{text: []byte(sought.Placeholder), left: true})
	}
	return s
}

// finding is what one file holds.
type finding struct {
	hits []Hit
	odd  []string // forms that cannot be replaced
	left string   // a placeholder
}

// scan reads a file to its end in blocks that overlap.
func (s scanner) scan(r io.Reader) (f finding, err error) {
	seen := map[Hit]bool{}
	buffer := make([]byte, 0, block+2*margin)
	var start int64 // of the buffer in the file
	for {
		n, err := io.ReadFull(r, buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return f, err
		}
		limit := len(buffer)
		if !last {
			limit -= margin // what begins later is seen whole next time
		}
		for _, one := range s {
			one.look(buffer, start, limit, seen, &f)
		}
		if last {
			slices.SortFunc(f.hits, func(a, b Hit) int { return int(a.Offset - b.Offset) })
			return f, nil
		}
		drop := len(buffer) - 2*margin
		start += int64(drop)
		buffer = buffer[:copy(buffer, buffer[drop:])]
	}
}

func (s lookout) look(buffer []byte, start int64, limit int, seen map[Hit]bool, f *finding) {
	each := func(text []byte, do func(at int)) {
		for at := 0; at < len(buffer); {
			n := bytes.Index(buffer[at:], text)
			if n < 0 {
				return
			}
			if at += n; at < limit {
				do(at)
			}
			at++
		}
	}
	for _, probe := range s.probes {
		each(s.core[probe:probe+4], func(at int) {
			from, to := probe, probe+4 // of the core, and as far as the file agrees
			for from > 0 && at-(probe-from)-1 >= 0 && buffer[at-(probe-from)-1] == s.core[from-1] {
				from--
			}
			for to < len(s.core) && at+to-probe < len(buffer) && buffer[at+to-probe] == s.core[to] {
				to++
			}
			switch hit := (Hit{Offset: start + int64(at-(probe-from)), Width: 1, Flag: s.flag}); {
			case to-from == len(s.core):
				if !seen[hit] {
					seen[hit] = true
					f.hits = append(f.hits, hit)
				}
			case to-from >= piece && (at-(probe-from) > 0 || start == 0):
				f.add("in pieces")
			}
		})
	}
	each(s.wide, func(at int) {
		if hit := (Hit{Offset: start + int64(at), Width: 2}); !seen[hit] {
			seen[hit] = true
			f.hits = append(f.hits, hit)
		}
	})
	for _, o := range s.odd {
		each(o.text, func(at int) {
			switch {
			case !o.left:
				f.add(o.why)
			case s.sought.left(buffer, at):
				f.left = string(o.text)
			}
		})
	}
}

func (f *finding) add(why string) {
	if !slices.Contains(f.odd, why) {
		f.odd = append(f.odd, why)
	}
}
