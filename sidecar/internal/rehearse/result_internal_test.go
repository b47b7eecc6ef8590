package rehearse

import (
	"strings"
	"testing"
	"time"
)

func TestAPlantedBottleneckIsNamedWithWhatMovesIt(t *testing.T) {
	looks := func(change func(s *state)) (all []Sample) {
		for n := range 6 {
			s := state{Slots: 8, Cores: 2, MemoryTotal: 8 << 30, MemoryUsed: 1 << 30, DiskTotal: 100, DiskUsed: 10}
			change(&s)
			all = append(all, Sample{state: s, At: float64(2 * n), Running: s.Live["running"]}.shown())
		}
		return all
	}
	for want, c := range map[string]struct {
		refused string
		samples []Sample
	}{
		"":                  {refused: "quota_reached", samples: looks(func(*state) {})},
		"PORT_RANGE_START":  {refused: "ports_exhausted", samples: looks(func(s *state) { s.Waiting, s.Starting, s.CPU = 5, 8, 99 })},
		"SUBNET_POOL":       {refused: "subnets_exhausted", samples: looks(func(*state) {})},
		"MEMORY_BUDGET":     {refused: "host_full", samples: looks(func(s *state) { s.Budget = 1 << 30 })},
		"MAX_INSTANCES":     {refused: "host_full", samples: looks(func(s *state) { s.MaxInstances, s.Instances = 10, 10 })},
		"SPAWN_CONCURRENCY": {samples: looks(func(s *state) { s.Waiting, s.Starting, s.CPU = 5, 8, 40 })},
		"more CPUs":         {samples: looks(func(s *state) { s.Waiting, s.Starting, s.CPU = 5, 8, 99 })},
		"more memory":       {samples: looks(func(s *state) { s.MemoryUsed = s.MemoryTotal })},
	} {
		seen := newFigures()
		seen.woke("web", time.Second)
		if c.refused != "" {
			seen.refuse(c.refused)
		}
		first := firstOf(seen, c.samples)
		if (first == nil) != (want == "") || first != nil && !strings.HasPrefix(first.Moves, want) {
			t.Errorf("%+v, want %q", first, want)
		}
	}
}

// TestAnswersThatComeFromNoInstanceAreNoReasonToGo has something else answer at the addresses.
func TestAnswersThatComeFromNoInstanceAreNoReasonToGo(t *testing.T) {
	for running, want := range map[int]bool{0: false, 1: true} {
		seen := newFigures()
		seen.woke("web", time.Second)
		r := &Result{Most: running, Samples: []Sample{{Running: running}}, Teams: 1, Event: 1}
		r.Wakes.Count = 1
		if r.decide(seen); r.Go != want {
			t.Errorf("with %d running: %v %q", running, r.Go, r.Reasons)
		}
	}
}
