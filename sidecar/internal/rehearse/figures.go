package rehearse

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Times are how long something took, in milliseconds.
type Times struct {
	Count int    `json:"count"`
	MS    [3]int `json:"p50_p95_p99_ms"`
}

func timesOf(all []time.Duration) Times {
	if len(all) == 0 {
		return Times{}
	}
	sorted := slices.Sorted(slices.Values(all))
	at := func(part float64) time.Duration { return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))] }
	t := Times{Count: len(all)}
	for n, part := range []float64{0.5, 0.95, 0.99} {
		t.MS[n] = int(at(part).Milliseconds())
	}
	return t
}

// figures are what teams have seen.
type figures struct {
	mu       sync.Mutex
	began    time.Time
	wakes    map[string][]time.Duration // challenge → from the first request to the first answer
	requests map[string][]time.Duration
	refused  map[string]int           // code → how often
	first    map[string]time.Duration // code → when it was first seen
	errors   map[string]int           // challenge → requests that got no answer
	troubles []*trouble               // what was broken on purpose: what overlaps with that counts apart
}

func newFigures() *figures {
	return &figures{
		began: time.Now(), wakes: map[string][]time.Duration{}, requests: map[string][]time.Duration{}, refused: map[string]int{},
		first: map[string]time.Duration{}, errors: map[string]int{},
	}
}

// trouble is something that is broken on purpose, and what teams saw of it.
type trouble struct {
	until           time.Time // zero: it is not over
	wakes, requests []time.Duration
	failed          int
}

// breaks has what teams see from now on, until it is mended, count for something that is broken on purpose.
func (f *figures) breaks() *trouble {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := &trouble{}
	f.troubles = append(f.troubles, t)
	return t
}

func (f *figures) mended(t *trouble) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t.until = time.Now()
}

// during is what was broken at some time since what ends now began; nil: nothing was.
func (f *figures) during(began time.Time) *trouble {
	for _, t := range slices.Backward(f.troubles) {
		if t.until.IsZero() || t.until.After(began) {
			return t
		}
	}
	return nil
}

// woke counts a wake that ends now.
func (f *figures) woke(challenge string, began time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t := f.during(began); t != nil {
		t.wakes = append(t.wakes, time.Since(began))
		return
	}
	f.wakes[challenge] = append(f.wakes[challenge], time.Since(began))
}

// answered counts a request that ends now, with an error if it got no answer.
func (f *figures) answered(challenge string, began time.Time, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch t := f.during(began); {
	case t != nil && err != nil:
		t.failed++
	case t != nil:
		t.requests = append(t.requests, time.Since(began))
	case err != nil:
		f.errors[challenge]++
	default:
		f.requests[challenge] = append(f.requests[challenge], time.Since(began))
	}
}

// refuse counts what was refused now.
func (f *figures) refuse(code string, began time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t := f.during(began); t != nil && !slices.Contains(harmless, code) {
		t.failed++
		return
	}
	if f.refused[code]++; f.refused[code] == 1 {
		f.first[code] = time.Since(f.began)
	}
}

// firstOf are the codes in the order in which they were first seen.
func (f *figures) firstOf() (codes []string) {
	for code := range f.refused {
		codes = append(codes, code)
	}
	slices.SortFunc(codes, func(a, b string) int { return cmp.Compare(f.first[a], f.first[b]) })
	return codes
}

func allOf(of map[string][]time.Duration) (list []time.Duration) {
	for _, one := range of {
		list = append(list, one...)
	}
	return list
}
