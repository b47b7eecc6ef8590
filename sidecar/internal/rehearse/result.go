package rehearse

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Sample is how the host was at a moment.
type Sample struct {
	state `json:"-"`

	At          float64 `json:"at_s"`
	Running     int     `json:"running"`
	WaitingNow  int     `json:"waiting"`
	StartingNow int     `json:"starting"`
	CPUNow      float64 `json:"cpu_percent"`
	MemoryNow   float64 `json:"memory_percent"`
}

func (s Sample) shown() Sample {
	s.WaitingNow, s.StartingNow, s.CPUNow, s.MemoryNow = s.Waiting, s.Starting, s.CPU, part(s.MemoryUsed, s.MemoryTotal)
	return s
}

// Cost is what instances of a challenge use, on average.
type Cost struct {
	Memory  int64   `json:"memory_bytes"`
	CPU     float64 `json:"cpus"`
	StartMS int     `json:"start_ms"` // median of a wake
}

// Seen is what players of a challenge saw.
type Seen struct {
	Wakes    Times `json:"wakes"`
	Requests Times `json:"requests"`
	Errors   int   `json:"errors"`
}

// Bottleneck is what gave way, and the setting or hardware that moves it.
type Bottleneck struct {
	What  string  `json:"what"`
	Moves string  `json:"moves"`
	At    float64 `json:"at_s"` // when it was first met
}

// Result is how a rehearsal went.
type Result struct {
	Profile  string          `json:"profile"`
	Teams    int             `json:"teams"`
	Event    int             `json:"event_teams"`
	Lasted   float64         `json:"lasted_s"`
	Most     int             `json:"most_running"`
	PerS     float64         `json:"starts_per_s"` // in the busiest ten seconds
	Wakes    Times           `json:"wakes"`
	Requests Times           `json:"requests"`
	Seen     map[string]Seen `json:"challenges"`
	Costs    map[string]Cost `json:"costs"`
	Refused  map[string]int  `json:"refused"`
	First    *Bottleneck     `json:"first_bottleneck"`
	Capacity []Capacity      `json:"capacity"`
	Forecast []string        `json:"forecast"`
	Go       bool            `json:"go"`
	Reasons  []string        `json:"reasons"`
	Chaos    []Recovery      `json:"chaos,omitempty"`
	Samples  []Sample        `json:"samples"`
}

func resultOf(o Options, play begun, seen *figures, samples []Sample, chaos []Recovery) Result {
	seen.mu.Lock()
	defer seen.mu.Unlock()
	r := Result{
		Profile: o.Name, Teams: o.Teams, Event: max(o.Event, o.Teams), Lasted: time.Since(seen.began).Seconds(), Samples: samples,
		Wakes: timesOf(allOf(seen.wakes)), Requests: timesOf(allOf(seen.requests)), Seen: map[string]Seen{}, Costs: map[string]Cost{},
		Refused: maps.Clone(seen.refused), Chaos: chaos,
	}
	started := r.Wakes.Count
	for n := range r.Chaos {
		c := &r.Chaos[n]
		c.Wakes, c.Requests, c.Failed = timesOf(c.seen.wakes), timesOf(c.seen.requests), c.seen.failed
		started += c.Wakes.Count
	}
	for _, t := range play.Teams[0].Challenges {
		r.Seen[t.Challenge] = Seen{timesOf(seen.wakes[t.Challenge]), timesOf(seen.requests[t.Challenge]), seen.errors[t.Challenge]}
		r.Costs[t.Challenge] = Cost{StartMS: r.Seen[t.Challenge].Wakes.MS[0]}
	}
	for _, s := range samples {
		r.Most = max(r.Most, s.Running)
		for id, c := range s.Costs {
			if had, there := r.Costs[id]; there {
				r.Costs[id] = Cost{max(had.Memory, c.Memory), max(had.CPU, c.CPU), had.StartMS}
			}
		}
	}
	r.PerS = busiest(samples)
	r.First = firstOf(seen, calm(samples, chaos))
	r.Capacity = capacityOf(samples)
	r.Forecast = r.forecast(samples)
	r.decide(seen, started)
	return r
}

// busiest is how many instances became more a second, over about ten.
func busiest(samples []Sample) (most float64) {
	for n := range samples {
		for m := n + 1; m < len(samples) && samples[m].At-samples[n].At <= 10; m++ {
			if over := samples[m].At - samples[n].At; over >= 2 {
				most = max(most, float64(samples[m].Running-samples[n].Running)/over)
			}
		}
	}
	return most
}

// byCode is what refusals say of the host, and what moves it.
var byCode = map[string]Bottleneck{
	"ports_exhausted":    {What: "the host ports are used up", Moves: "PORT_RANGE_START and PORT_RANGE_END"},
	"subnets_exhausted":  {What: "the pool of networks is used up", Moves: "SUBNET_POOL"},
	"image_failed":       {What: "the images of a challenge cannot be built", Moves: "that challenge, in the panel under Build"},
	"engine_unavailable": {What: "the engine does not keep up", Moves: "a newer engine, faster disk or fewer SPAWN_CONCURRENCY"},
	"start_timeout":      {What: "instances are not ready in time", Moves: "more CPUs, fewer SPAWN_CONCURRENCY, or START_TIMEOUT"},
	"not_ready_in_time":  {What: "teams gave up waiting", Moves: "SPAWN_CONCURRENCY, or more CPUs"},
	"too_many_at_once":   {What: "one address asks for too much at once", Moves: "ADDRESS_TURNS (rehearse on the host itself: there each team has an address of its own)"},
	"short":              {What: "the engine's disk is full", Moves: "a larger disk, or DISK_RESERVE"},
	"disk_short":         {What: "the engine's disk is full", Moves: "a larger disk, or DISK_RESERVE"},
}

// harmless are refusals that players are meant to meet.
var harmless = []string{"quota_reached", "instance_exists", "too_fast", "wake_disabled"}

// firstOf is what gave way first: what refused, or else what was full. A machine that is busy only makes players wait,
// so it is not named before what turned them away.
func firstOf(seen *figures, samples []Sample) *Bottleneck {
	var found []Bottleneck
	for _, code := range seen.firstOf() {
		b, known := byCode[code]
		switch {
		case code == "host_full":
			b = full(samples)
		case slices.Contains(harmless, code), !known:
			continue
		}
		b.At = seen.first[code].Seconds()
		found = append(found, b)
	}
	if len(found) == 0 {
		return busyHost(samples)
	}
	first := slices.MinFunc(found, func(a, b Bottleneck) int { return int(a.At*1000) - int(b.At*1000) })
	return &first
}

// full tells which of the two limits of the host was met.
func full(samples []Sample) Bottleneck {
	for _, s := range samples {
		if s.MaxInstances > 0 && s.Instances >= s.MaxInstances {
			return Bottleneck{What: fmt.Sprintf("the host may have %d instances", s.MaxInstances), Moves: "MAX_INSTANCES"}
		}
	}
	if n := len(samples); n > 0 && samples[n-1].Budget > 0 {
		return Bottleneck{
			What:  fmt.Sprintf("the memory that instances may use together is %d MB", samples[n-1].Budget>>20),
			Moves: "MEMORY_BUDGET, the limits of the challenges, or more memory",
		}
	}
	return Bottleneck{What: "the host is full", Moves: "MAX_INSTANCES or MEMORY_BUDGET"}
}

// calm are the samples at which nothing was broken on purpose, and no queue stood any more that came of it.
func calm(samples []Sample, chaos []Recovery) (all []Sample) {
	queue := false
	for _, s := range samples {
		broken := slices.ContainsFunc(chaos, func(c Recovery) bool { return s.At >= c.At && s.At <= c.At+c.Lasted })
		if queue = broken || queue && s.Waiting > 0; !queue {
			all = append(all, s)
		}
	}
	return all
}

// busyHost is what was full for several looks one after the other though nothing was refused.
func busyHost(samples []Sample) *Bottleneck {
	const looks = 4
	kinds := []struct {
		Bottleneck
		is func(s Sample) bool
	}{
		{Bottleneck{What: "the memory of the machine is used up", Moves: "more memory, or MEMORY_BUDGET to refuse before that"},
			func(s Sample) bool { return s.MemoryNow > 93 }},
		{Bottleneck{What: "the CPUs of the machine are busy", Moves: "more CPUs"},
			func(s Sample) bool { return s.CPU > 92 && s.Waiting > 0 }},
		{Bottleneck{What: "all start slots are taken while the machine has CPU left", Moves: "SPAWN_CONCURRENCY"},
			func(s Sample) bool { return s.Waiting > 0 && s.Starting >= s.Slots*3/4 && s.CPU > 0 && s.CPU <= 92 }},
		{Bottleneck{What: "the kernel's table of connections is nearly full", Moves: "net.netfilter.nf_conntrack_max, or CONTAINER_MAX_CONNECTIONS"},
			func(s Sample) bool { return part(s.Connections, s.MostInTable) > 90 }},
		{Bottleneck{What: "the disk is full", Moves: "a larger disk"},
			func(s Sample) bool { return part(s.DiskUsed, s.DiskTotal) > 95 }},
	}
	for n := range samples {
		if n+looks > len(samples) {
			break
		}
		for _, k := range kinds {
			if !slices.ContainsFunc(samples[n:n+looks], func(s Sample) bool { return !k.is(s) }) {
				b := k.Bottleneck
				b.At = samples[n].At
				return &b
			}
		}
	}
	return nil
}

// forecast is what the event's teams need if they behave as these did.
func (r Result) forecast(samples []Sample) []string {
	if len(samples) == 0 || r.Most == 0 {
		return nil
	}
	last := samples[len(samples)-1]
	times := float64(r.Event) / float64(r.Teams)
	instances := int(float64(r.Most) * times)
	memory, cpus := r.mean()
	all := []string{
		fmt.Sprintf("%d teams have %d instances at once", r.Event, instances),
		fmt.Sprintf(
			"they use %d MB of memory, and this machine has %d MB", int64(instances)*memory>>20, last.MemoryTotal>>20,
		),
		fmt.Sprintf("they use %.1f CPUs without what players do there, and this machine has %d", float64(instances)*cpus, last.Cores),
	}
	if last.MaxInstances > 0 && instances > last.MaxInstances {
		all = append(all, fmt.Sprintf("MAX_INSTANCES is %d: raise it", last.MaxInstances))
	}
	return all
}

// mean is what an instance uses, over the challenges that were measured.
func (r Result) mean() (memory int64, cpus float64) {
	n := 0
	for _, c := range r.Costs {
		if c.Memory > 0 {
			memory, cpus, n = memory+c.Memory, cpus+c.CPU, n+1
		}
	}
	return memory / int64(max(1, n)), cpus / float64(max(1, n))
}

const (
	longestWake = 15000 // ms that 95 of 100 wakes may take
	mostFailed  = 0.01  // of all wakes and requests
)

// decide says whether the host is enough, with reasons. Started is how many instances were, whatever was broken meanwhile.
func (r *Result) decide(seen *figures, started int) {
	no := func(format string, args ...any) { r.Reasons = append(r.Reasons, fmt.Sprintf(format, args...)) }
	failed := total(seen.errors)
	for code, n := range r.Refused {
		if !slices.Contains(harmless, code) {
			failed += n
		}
	}
	tried := r.Wakes.Count + r.Requests.Count + failed
	if started == 0 {
		no("no instance was started")
	} else if len(r.Samples) > 0 && r.Most == 0 {
		no("addresses answered, but no instance was ever running: what answers there is not the edge")
	}
	if tried > 0 && float64(failed) > mostFailed*float64(tried) {
		no("%d of %d wakes and requests failed", failed, tried)
	}
	if r.Wakes.MS[1] > longestWake {
		no("5 of 100 wakes took more than %.1f s", float64(r.Wakes.MS[1])/1000)
	}
	for _, c := range r.Chaos {
		if !c.Back {
			no("after %s failed Whaley did not answer again within %s", c.Name, longestBack)
		}
	}
	if r.First != nil {
		no("%s: %s moves that", r.First.What, r.First.Moves)
	}
	if n := len(r.Samples); n > 0 && r.Most > 0 {
		memory, _ := r.mean()
		needs := int64(float64(r.Most)*float64(r.Event)/float64(r.Teams)) * memory
		if total := r.Samples[n-1].MemoryTotal; total > 0 && needs > total*8/10 {
			no("%d teams need %d MB of memory, of %d MB", r.Event, needs>>20, total>>20)
		}
	}
	if r.Go = len(r.Reasons) == 0; r.Go {
		r.Reasons = []string{"nothing was refused that should not be, and 95 of 100 wakes took at most " + time.Duration(r.Wakes.MS[1]*1e6).String()}
	}
}
