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
	trouble  *Recovery                // of what is broken on purpose at the moment, which counts apart; nil: nothing is
}

func newFigures() *figures {
	return &figures{
		began: time.Now(), wakes: map[string][]time.Duration{}, requests: map[string][]time.Duration{}, refused: map[string]int{},
		first: map[string]time.Duration{}, errors: map[string]int{},
	}
}

// during has what fails from now on count for something that is broken on purpose; nil: that is over.
func (f *figures) during(r *Recovery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trouble = r
}

func (f *figures) woke(challenge string, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wakes[challenge] = append(f.wakes[challenge], took)
}

func (f *figures) answered(challenge string, took time.Duration, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil && f.trouble != nil {
		f.trouble.Failed++
		return
	}
	if err != nil {
		f.errors[challenge]++
		return
	}
	f.requests[challenge] = append(f.requests[challenge], took)
}

func (f *figures) refuse(code string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.trouble != nil && !slices.Contains(harmless, code) {
		f.trouble.Failed++
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
