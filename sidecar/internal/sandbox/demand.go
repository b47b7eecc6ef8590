package sandbox

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func key(s whaley.Shape) string {
	text, _ := json.Marshal(s) // booleans and strings always can be
	return string(text)
}

// remember counts a spawn as demand.
func (p *Pool) remember(s whaley.Shape) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := key(s)
	p.shapes[k] = s
	p.asked = append(p.asked, k)
	if len(p.asked) > recent {
		p.asked = p.asked[len(p.asked)-recent:]
	}
}

// want shares the pool out among shapes: each challenge counts once, and each of the last spawns.
func (p *Pool) want(expected []whaley.Shape) map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	var asked []string
	for _, s := range expected {
		p.shapes[key(s)] = s
		asked = append(asked, key(s))
	}
	asked = append(asked, p.asked...)
	// of challenges that were edited
	maps.DeleteFunc(p.shapes, func(k string, _ whaley.Shape) bool { return !slices.Contains(asked, k) })
	demand := map[string]int{}
	var order []string // latest first
	for n := len(asked) - 1; n >= 0; n-- {
		if demand[asked[n]] == 0 {
			order = append(order, asked[n])
		}
		demand[asked[n]]++
	}
	want := map[string]int{}
	for left := p.opts.Size(); left > 0 && len(order) > 0; left-- {
		best := order[0]
		for _, k := range order {
			if demand[k]*(want[best]+1) > demand[best]*(want[k]+1) {
				best = k
			}
		}
		want[best]++
	}
	return want
}
