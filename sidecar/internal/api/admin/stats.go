package admin

import (
	"net/http"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type statsJSON struct {
	Instances  map[string]int `json:"instances"` // by state, the past ones too
	Live       int            `json:"live"`
	Limit      int            `json:"max_instances"` // 0: none
	Challenges int            `json:"challenges_loaded"`
	Open       int            `json:"challenges_active"`
	Ports      portStatsJSON  `json:"ports"`
	Events     eventCountJSON `json:"events"`
	Draining   string         `json:"draining"` // what players read; empty: not draining
	Version    string         `json:"version"`
}

type eventCountJSON struct {
	Total   int64            `json:"total_entries"`
	ByType  map[string]int64 `json:"event_counts"`
	Owners  int64            `json:"unique_users"`
	LastDay int64            `json:"last_24h_events"`
}

// GetStats is how it stands, in numbers.
func (a Handlers) GetStats(w http.ResponseWriter, r *http.Request) error {
	counts, err := a.AdminQueries.CountInstances(r.Context(), whaley.InstanceQuery{})
	if err != nil {
		return err
	}
	ports, err := a.portUse(r.Context())
	if err != nil {
		return err
	}
	events, err := a.EventStats(r.Context())
	if err != nil {
		return err
	}
	policy := a.Instancer.Policy()
	stats := statsJSON{
		Instances: byState(counts), Limit: policy.Quota.Total, Ports: ports, Draining: policy.Drain, Version: a.Opts.Version,
		Events: eventCountJSON{Total: events.Total, ByType: events.ByType, Owners: events.Owners, LastDay: events.LastDay},
	}
	for _, s := range whaley.LiveStates {
		stats.Live += counts[s]
	}
	for _, ch := range a.Challenges.All() {
		stats.Challenges++
		if !ch.Inactive {
			stats.Open++
		}
	}
	return kit.Write(w, http.StatusOK, stats)
}
