package rehearse

import (
	"errors"
	"slices"
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
		" ":                 {samples: looks(func(s *state) { s.Waiting, s.Starting = 5, 8 })}, // how busy the CPUs are is not known
		"net.netfilter":     {samples: looks(func(s *state) { s.Connections, s.MostInTable = 95, 100 })},
		"more memory":       {samples: looks(func(s *state) { s.MemoryUsed = s.MemoryTotal })},
	} {
		seen := newFigures()
		seen.woke("web", time.Now().Add(-time.Second))
		if c.refused != "" {
			seen.refuse(c.refused, time.Now())
		}
		first := firstOf(seen, c.samples)
		if want = strings.TrimSpace(want); (first == nil) != (want == "") || first != nil && !strings.HasPrefix(first.Moves, want) {
			t.Errorf("%+v, want %q", first, want)
		}
	}
}

// TestAnswersThatComeFromNoInstanceAreNoReasonToGo has something else answer at the addresses.
func TestAnswersThatComeFromNoInstanceAreNoReasonToGo(t *testing.T) {
	for running, want := range map[int]bool{0: false, 1: true} {
		seen := newFigures()
		seen.woke("web", time.Now().Add(-time.Second))
		r := &Result{Most: running, Samples: []Sample{{Running: running}}, Teams: 1, Event: 1}
		if r.decide(seen, 1); r.Go != want {
			t.Errorf("with %d running: %v %q", running, r.Go, r.Reasons)
		}
	}
}

// TestWhatOverlapsWithSomethingBrokenOnPurposeCountsApart: neither a wake that began before it was broken, nor one that
// ended after it was mended, says how the host is.
func TestWhatOverlapsWithSomethingBrokenOnPurposeCountsApart(t *testing.T) {
	seen, play := newFigures(), begun{}
	play.Teams = append(play.Teams, struct{ Challenges []target }{[]target{{Challenge: "web"}}})
	before := time.Now().Add(-time.Minute)
	seen.woke("web", time.Now().Add(-time.Millisecond))
	broken := seen.breaks()
	seen.woke("web", before)
	seen.answered("web", before, nil)
	seen.answered("web", before, errors.New("reset"))
	seen.refuse("sidecar_unavailable", before)
	during := time.Now()
	seen.mended(broken)
	seen.woke("web", during)
	after := broken.until.Add(time.Nanosecond)
	seen.woke("web", after)
	seen.answered("web", after, nil)
	r := resultOf(Options{Teams: 1}, play, seen, nil, []Recovery{{Name: "redis", Back: true, seen: broken}})
	if r.Wakes.Count != 2 || r.Requests.Count != 1 || r.Wakes.MS[2] >= 1000 || len(r.Refused) > 0 || r.Seen["web"].Errors > 0 {
		t.Errorf("of the host: %+v %+v %v", r.Wakes, r.Requests, r.Refused)
	}
	if c := r.Chaos[0]; c.Wakes.Count != 2 || c.Requests.Count != 1 || c.Failed != 2 || c.Wakes.MS[2] < 60000 {
		t.Errorf("of what was broken: %+v", c)
	}
	if !r.Go || !strings.Contains(r.Chaos[0].String(), "2 wakes took") {
		t.Errorf("%q %s", r.Reasons, r.Chaos[0])
	}
}

// TestTheQueueAfterWhatWasBrokenOnPurposeIsNoBottleneck: it stands until all have started that came meanwhile.
func TestTheQueueAfterWhatWasBrokenOnPurposeIsNoBottleneck(t *testing.T) {
	var all []Sample
	for n := range 20 {
		s := state{Slots: 8, CPU: 50}
		if n >= 5 && n < 15 {
			s.Waiting, s.Starting = 3, 8
		}
		all = append(all, Sample{state: s, At: float64(2 * n)}.shown())
	}
	if first := firstOf(newFigures(), calm(all, []Recovery{{At: 9, Lasted: 4}})); first != nil {
		t.Errorf("named is %+v", first)
	}
	if first := firstOf(newFigures(), calm(all, []Recovery{{At: 33, Lasted: 4}})); first == nil || first.Moves != "SPAWN_CONCURRENCY" {
		t.Errorf("what came before is not named: %+v", first)
	}
}

func TestTheResultSaysWhatWasUsedAtMostOfWhatThereIs(t *testing.T) {
	samples := []Sample{
		{state: state{Instances: 3, PortsHeld: 9, Ports: 10, SubnetsHeld: 4, Subnets: 64, Connections: 50, MostInTable: 1000, Cores: 2, CPU: 75}},
		{state: state{Instances: 7, PortsHeld: 2, Ports: 10, Subnets: 64, Connections: 20, MostInTable: 1000, MemoryUsed: 3 << 29, MemoryTotal: 8 << 30}},
		{}, // of a sidecar that was just started
	}
	var said []string
	for _, c := range capacityOf(samples) {
		said = append(said, c.String())
	}
	want := []string{
		"instances of everybody 7", "memory 1.5 GB of 8.0 GB (19 %)", "CPUs 1.5 cores of 2.0 cores (75 %)", "ports of the host 9 of 10 (90 %)",
		"networks 4 of 64 (6 %)", "connections in the kernel's table 50 of 1000 (5 %)",
	}
	if !slices.Equal(said, want) {
		t.Errorf("said is %q, want %q", said, want)
	}
}
