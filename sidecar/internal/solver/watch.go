package solver

import (
	"bytes"
	"sync"
)

const (
	maxOutput  = 16 << 10 // bytes of the end of a solver's output that are kept
	maxPrinted = 64 << 20 // bytes that a solver may print altogether, as a build may
)

// watch looks for flags in a stream of any length, and keeps its end.
type watch struct {
	mu     sync.Mutex
	wanted map[string]bool // flag → it has come out
	carry  []byte          // the end of what was looked through, which a flag may begin in
	most   int             // bytes of that
	text   []byte
	end    func() // called once all have come out, or it prints too much
	read   int    // bytes
}

func newWatch(flags []string, end func()) *watch {
	w := &watch{wanted: map[string]bool{}, end: end}
	for _, f := range flags {
		w.wanted[f], w.most = false, max(w.most, len(f)-1)
	}
	return w
}

// Write takes what is searched.
func (w *watch) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keep(text)
	w.carry = append(w.carry, text...)
	missing, had := 0, 0
	for f, seen := range w.wanted {
		switch {
		case seen:
			had++
		case bytes.Contains(w.carry, []byte(f)):
			w.wanted[f] = true
		default:
			missing++
		}
	}
	w.carry = append(w.carry[:0], w.carry[max(0, len(w.carry)-w.most):]...)
	if missing == 0 && had < len(w.wanted) {
		w.end()
	}
	return len(text), nil
}

// keep keeps the end of what is printed, and ends who prints without end: the engine and this process work for each
// byte.
func (w *watch) keep(text []byte) {
	before := w.read
	if w.read += len(text); before <= maxPrinted && w.read > maxPrinted {
		w.end()
	}
	w.text = append(w.text, text...)
	w.text = append(w.text[:0], w.text[max(0, len(w.text)-maxOutput):]...)
}

// aside takes what is kept and not searched.
type aside struct{ *watch }

// Write keeps the end.
func (a aside) Write(text []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keep(text)
	return len(text), nil
}

// missing is how many flags have not come out.
func (w *watch) missing() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, seen := range w.wanted {
		if !seen {
			n++
		}
	}
	return n
}

func (w *watch) output() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.text)
}

// tooMuch says whether it was ended for what it printed.
func (w *watch) tooMuch() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.read > maxPrinted
}
