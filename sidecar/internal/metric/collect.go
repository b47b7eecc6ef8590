package metric

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// What stands in memory or was last counted.
var (
	descOpen        = describe("whaley_instances_open", "Live instances.")
	descByStatus    = describe("whaley_instances", "Live instances by state.", "status")
	descByChallenge = describe("whaley_challenge_instances", "Live instances by challenge.", "challenge_id")
	descOwners      = describe("whaley_owners", "Owners with a live instance.", "owner_type")
	descSaturated   = describe(
		"whaley_owners_saturated", "Owners with as many live instances as they may have.", "owner_type",
	)
	descSaturation = describe(
		"whaley_owner_saturation_max_ratio", "Of the owner who is nearest to what they may have.", "owner_type",
	)
	descExpiring = describe("whaley_instances_expiring", "Running instances whose time is over soon.", "within")
	descStale    = describe(
		"whaley_instances_starting_stale", "Instances that have been starting for more than two minutes.",
	)
	descMemory       = describe("whaley_instances_memory_limit_bytes", "What all live instances that do not sleep together may use.")
	descExpected     = describe("whaley_instances_memory_expected_bytes", "What they are expected to use, by what instances of their challenges did.")
	descCost         = describe("whaley_challenge_memory_seen_bytes", "What nine of ten instances of a challenge never went beyond.", "challenge_id")
	descStart        = describe("whaley_challenge_start_seconds", "How long a challenge's starts have their slots, without those of waiting instances.", "challenge_id")
	descWaiting      = describe("whaley_waiting_instances", "Instances that were made ahead and are ready for their owners.", "challenge")
	descQueue        = describe("whaley_spawn_queue_length", "Spawns that wait for their turn on this sidecar.")
	descInflight     = describe("whaley_spawns_inflight", "Spawns under way on this sidecar.")
	descPorts        = describe("whaley_ports", "Host ports of the range.")
	descPortsHeld    = describe("whaley_ports_allocated", "Host ports that instances have.")
	descPortsFree    = describe("whaley_ports_available", "Host ports that are free.")
	descPortsUse     = describe("whaley_ports_utilization_ratio", "Part of the range that instances have.")
	descSubnets      = describe("whaley_subnets", "Subnets of the pool.")
	descSubnetsHeld  = describe("whaley_subnets_allocated", "Subnets that are in use.")
	descLoaded       = describe("whaley_challenges_loaded", "Challenges that are loaded.")
	descActive       = describe("whaley_challenges_active", "Challenges that players may start.")
	descFlags        = describe("whaley_flags_assigned", "Flags that owners have.")
	descWarm         = describe("whaley_warm_instances", "Instances that run ahead of their owners, halted.", "challenge")
	descFlagsWaiting = describe("whaley_flags_unregistered", "Flags that are not registered in CTFd yet.")
	descSuspicious   = describe("whaley_suspicious_submissions", "Submissions of somebody else's flag.")
	descAuto         = describe("whaley_forensics_auto_capture_enabled", "Whether captures are made when instances end.")
	descCaptures     = describe("whaley_forensics_logs", "Captures that are kept.", "capture_type")
	descCaptureBytes = describe("whaley_forensics_storage_bytes", "Size of the captures that are kept.")
	descEvents       = describe("whaley_event_log_entries", "Events that are kept.", "event_type")
	descEventOwners  = describe("whaley_event_log_owners", "Owners that events were ever about.")
	descEventDay     = describe("whaley_event_log_entries_24h", "Events of the last 24 hours.")
	descUp           = describe("whaley_dependency_up", "Whether a dependency answers.", "dependency")
	descContainers   = describe("whaley_containers_running", "Containers that run.")
	descCPU          = describe("whaley_containers_cpus", "CPUs that instances use.", "challenge_id")
	descContainerMem = describe(
		"whaley_containers_memory_bytes", "Memory that instances use, without cached files.", "challenge_id",
	)
	descSolved     = describe("whaley_solver_green", "Whether a challenge's solver solved it last time.", "challenge_id")
	descSolving    = describe("whaley_solver_seconds", "How long a challenge's solver took last time.", "challenge_id")
	descSampleTime = describe("whaley_usage_sample_seconds", "How long the last round of sampling took.")
	descSampled    = describe("whaley_usage_sample_timestamp_seconds", "When use was last sampled.")
	descCounted    = describe("whaley_state_timestamp_seconds", "When instances were last counted.")
	descOwner      = describe(
		"whaley_owner_instances", "Live instances of an owner.", "owner_type", "owner_id", "owner_name",
	)
	descOwnerRatio = describe(
		"whaley_owner_saturation_ratio", "Part of what an owner may have.", "owner_type", "owner_id", "owner_name",
	)
	descExpiry = describe(
		"whaley_instance_expiry_timestamp_seconds", "When an instance stops by itself.", "instance_id", "challenge_id",
	)
	descAge = describe(
		"whaley_instance_age_seconds", "Since an instance was asked for.", "instance_id", "challenge_id",
	)
	descInfo = describe(
		"whaley_instance_info", "Always 1.", "instance_id", "challenge_id", "status", "owner_type", "owner_id", "owner_name",
		"spawned_by",
	)
	stale      = 2 * time.Minute
	expiring   = map[string]time.Duration{"5m": 5 * time.Minute, "10m": 10 * time.Minute}
	states     = []whaley.State{whaley.Queued, whaley.Starting, whaley.Running, whaley.Sleeping, whaley.Stopping}
	ownerTypes = []string{"user", "team"}
)

type collector struct{ *State }

// Describe sends nothing: which metrics there are depends on the sources.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect reads memory.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	f := c.sources
	if f.Challenges != nil {
		loaded := f.Challenges()
		active := 0
		for _, ch := range loaded {
			if !ch.Inactive {
				active++
			}
		}
		gauge(descLoaded, float64(len(loaded)))
		gauge(descActive, float64(active))
	}
	if f.Waiting != nil {
		for challenge, count := range f.Waiting() {
			gauge(descWaiting, float64(count), challenge)
		}
	}
	if f.Warm != nil {
		for challenge, count := range f.Warm() {
			gauge(descWarm, float64(count), challenge)
		}
	}
	if f.Queue != nil {
		waiting, busy := f.Queue()
		gauge(descQueue, float64(waiting))
		gauge(descInflight, float64(busy))
	}
	if f.AutoOn != nil {
		on := 0.0
		if f.AutoOn() {
			on = 1
		}
		gauge(descAuto, on)
	}
	if f.Solvers != nil {
		solvers(gauge, f.Solvers())
	}
	if f.Costs != nil {
		costs(gauge, f.Costs())
	}
	if f.Usage != nil {
		usage(gauge, f.Usage())
	}
	s := c.last.Load()
	if s == nil {
		return // nobody has answered yet
	}
	if f.Live != nil && !s.at.IsZero() {
		instances(gauge, s, f)
	}
	if f.Ports != nil {
		held, all := float64(s.ports[0]), float64(s.ports[1])
		gauge(descPorts, all)
		gauge(descPortsHeld, held)
		gauge(descPortsFree, max(0, all-held))
		gauge(descPortsUse, held/max(1, all))
	}
	if f.Subnets != nil {
		gauge(descSubnets, float64(s.subnets[1]))
		gauge(descSubnetsHeld, float64(s.subnets[0]))
	}
	if f.Flags != nil {
		gauge(descFlags, float64(s.flags[0]))
		gauge(descFlagsWaiting, float64(s.flags[1]))
	}
	if f.Suspicious != nil {
		gauge(descSuspicious, float64(s.suspicious))
	}
	if f.Captures != nil {
		gauge(descCaptures, float64(s.captures.Auto), whaley.CaptureAuto)
		gauge(descCaptures, float64(s.captures.Live), whaley.CaptureLive)
		gauge(descCaptureBytes, float64(s.captures.Bytes))
	}
	if f.Events != nil {
		for kind, n := range s.events.ByType {
			gauge(descEvents, float64(n), kind)
		}
		gauge(descEventOwners, float64(s.events.Owners))
		gauge(descEventDay, float64(s.events.LastDay))
	}
	for name, up := range s.up {
		value := 0.0
		if up {
			value = 1
		}
		gauge(descUp, value, name)
	}
}

func usage(gauge func(*prometheus.Desc, float64, ...string), u Usage) {
	if u.At.IsZero() {
		return
	}
	gauge(descContainers, float64(u.Running))
	for challenge, cpus := range u.CPU {
		gauge(descCPU, cpus, challenge)
	}
	for challenge, bytes := range u.Memory {
		gauge(descContainerMem, bytes, challenge)
	}
	gauge(descSampleTime, u.Took.Seconds())
	gauge(descSampled, float64(u.At.UnixMilli())/1000)
}

// typeOf says whether an instance's owner is its player or a team.
func typeOf(in whaley.LiveRow) string {
	if _, ok := whaley.TeamOf(in.Owner.ID); ok {
		return "team"
	}
	return "user"
}

type ownerKey struct{ kind, id, name string }

func instances(gauge func(*prometheus.Desc, float64, ...string), s *state, f Sources) {
	now := time.Now()
	byState, byChallenge, byOwner := map[whaley.State]int{}, map[string]int{}, map[ownerKey]int{}
	soon := map[string]int{}
	overdue, memory, needed := 0, int64(0), int64(0)
	for _, in := range s.live {
		byState[in.State]++
		byChallenge[in.Challenge]++
		byOwner[ownerKey{typeOf(in), in.Owner.ID, in.Owner.Name}]++
		if in.State != whaley.Sleeping {
			memory += in.Memory
			needed += in.Needs()
		}
		if in.State == whaley.Starting && in.StartedAt.IsZero() && now.Sub(in.CreatedAt) > stale {
			overdue++
		}
		for label, d := range expiring {
			if in.State.Timed() && in.ExpiresAt.Sub(now) <= d {
				soon[label]++
			}
		}
	}
	gauge(descOpen, float64(len(s.live)))
	for _, state := range states {
		gauge(descByStatus, float64(byState[state]), string(state))
	}
	for challenge, n := range byChallenge {
		gauge(descByChallenge, float64(n), challenge)
	}
	for label := range expiring {
		gauge(descExpiring, float64(soon[label]), label)
	}
	gauge(descStale, float64(overdue))
	gauge(descMemory, float64(memory))
	gauge(descExpected, float64(needed))
	gauge(descCounted, float64(s.at.UnixMilli())/1000)
	var policy whaley.Policy
	if f.Policy != nil {
		policy = f.Policy()
	}
	may := map[string]int{"user": policy.Quota.PerOwner, "team": policy.MaxPerTeam}
	owners, saturated, highest := map[string]int{}, map[string]int{}, map[string]float64{}
	detail := f.Detail != nil && f.Detail()
	for owner, n := range byOwner {
		owners[owner.kind]++
		ratio := 0.0
		if limit := may[owner.kind]; limit > 0 {
			ratio = float64(n) / float64(limit)
			if n >= limit {
				saturated[owner.kind]++
			}
		}
		highest[owner.kind] = max(highest[owner.kind], ratio)
		if detail {
			gauge(descOwner, float64(n), owner.kind, valid(owner.id), valid(owner.name))
			gauge(descOwnerRatio, ratio, owner.kind, valid(owner.id), valid(owner.name))
		}
	}
	for _, kind := range ownerTypes {
		gauge(descOwners, float64(owners[kind]), kind)
		gauge(descSaturated, float64(saturated[kind]), kind)
		gauge(descSaturation, highest[kind], kind)
	}
	if !detail {
		return
	}
	for _, in := range s.live {
		if !in.ExpiresAt.IsZero() {
			gauge(descExpiry, float64(in.ExpiresAt.Unix()), in.ID, in.Challenge)
		}
		gauge(descAge, now.Sub(in.CreatedAt).Seconds(), in.ID, in.Challenge)
		gauge(
			descInfo, 1, in.ID, in.Challenge, string(in.State), typeOf(in), valid(in.Owner.ID), valid(in.Owner.Name),
			valid(in.Player),
		)
	}
}

// valid makes a text one that may be a label: names come from players.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// solvers tells which challenges their own solvers solve.
func solvers(gauge func(d *prometheus.Desc, value float64, labels ...string), all map[string]whaley.SolverRun) {
	for challenge, run := range all {
		green := 0.0
		if run.State == whaley.SolverGreen {
			green = 1
		}
		gauge(descSolved, green, challenge)
		gauge(descSolving, run.Took.Seconds(), challenge)
	}
}

// costs tells what instances of challenges were seen to cost.
func costs(gauge func(d *prometheus.Desc, value float64, labels ...string), all map[string]whaley.Cost) {
	for challenge, c := range all {
		if c.Memory > 0 {
			gauge(descCost, float64(c.Memory), challenge)
		}
		if c.Start > 0 {
			gauge(descStart, c.Start.Seconds(), challenge)
		}
	}
}
