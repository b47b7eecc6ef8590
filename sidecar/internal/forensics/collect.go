package forensics

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// print is what one container printed: its last lines that fit.
type print struct {
	object  instancer.Object
	lines   [][]byte
	first   int // of the lines that are kept
	size    int64
	dropped int   // lines that did not fit
	err     error // why the end is missing
}

// collect reads what containers printed, all at the same time, until ctx ends.
func (r *Recorder) collect(ctx context.Context, objects []instancer.Object) []*print {
	prints := make([]*print, len(objects))
	limit := r.opts.MaxBytes() / int64(len(objects))
	var all sync.WaitGroup
	for n, o := range objects {
		p := &print{object: o}
		prints[n] = p
		all.Go(func() {
			p.err = r.engine.Output(ctx, o.ID, r.opts.Lines(), func(stream string, at time.Time, text []byte) error {
				p.add(stream, at, text, limit)
				return ctx.Err()
			})
			if errors.Is(p.err, context.DeadlineExceeded) {
				p.err = errors.New("there was no time for the rest")
			}
		})
	}
	all.Wait()
	return prints
}

// add keeps a piece, and as many of those before it as fit.
func (p *print) add(stream string, at time.Time, text []byte, limit int64) {
	line := append([]byte(nil), at.UTC().Format("2006-01-02T15:04:05.000000000Z")...)
	line = append(line, ' ')
	line = append(line, stream...)
	if whole := len(text) > 0 && text[len(text)-1] == '\n'; whole {
		line = append(line, ' ')
		text = text[:len(text)-1]
	} else {
		line = append(line, '+') // goes on in the stream's next line
	}
	line = append(line, ' ')
	line = append(escape(line, text), '\n')
	p.lines = append(p.lines, line)
	p.size += int64(len(line))
	for p.size > limit && p.first < len(p.lines) {
		p.size -= int64(len(p.lines[p.first]))
		p.lines[p.first] = nil
		p.first++
		p.dropped++
	}
	if p.first > 1024 && p.first > len(p.lines)/2 {
		p.lines = append([][]byte(nil), p.lines[p.first:]...)
		p.first = 0
	}
}

// escape appends a text as it is safe to look at: what a terminal or a browser might act on is written out.
func escape(to, text []byte) []byte {
	for len(text) > 0 {
		plain := 0 // most of most texts
		for plain < len(text) && text[plain] >= ' ' && text[plain] <= '~' {
			plain++
		}
		if to, text = append(to, text[:plain]...), text[plain:]; len(text) == 0 {
			break
		}
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1:
			to = append(to, `\x`...)
			to = append(to, "0123456789abcdef"[text[0]>>4], "0123456789abcdef"[text[0]&15])
		case r == '\t' || unicode.IsPrint(r):
			to = append(to, text[:size]...)
		default:
			quoted := strconv.AppendQuoteRuneToASCII(nil, r)
			to = append(to, quoted[1:len(quoted)-1]...)
		}
		text = text[size:]
	}
	return to
}
