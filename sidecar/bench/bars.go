package main

import "fmt"

// bar is what a figure has to keep to, in its own unit.
type bar struct {
	limit float64
	least bool // it must not be below; else not above
}

func atMost(limit float64) bar  { return bar{limit, false} }
func atLeast(limit float64) bar { return bar{limit, true} }

// bars are those that Whaley is held to, by the names under which figures are printed (docs/performance.md).
var bars = map[string]bar{
	"wake_pool0_over_bare_p50": atMost(1.15), "wake_pool0_over_bare_p95": atMost(1.3), "wake_pool4_over_bare_p50": atMost(0.6),
	"pair_pool0_over_compose_p50": atMost(0.40), "pair_pool4_over_compose_p50": atMost(0.40),
	"claim_embedded_over_bare_p50": atMost(0.10), "claim_embedded_over_bare_p95": atMost(0.25),
	"claim_traefik_over_bare_p50": atMost(0.10), "claim_traefik_over_bare_p95": atMost(0.25),
	"claims30_waiting_throughput_over_bare": atLeast(10), "claims100_waiting_throughput_over_bare": atLeast(10),
	"waiting_mb_each": atMost(6), "waiting_cpu_percent": atMost(0.1), // of all together: what docker stats rounds to nothing
	"warm_warm_over_compose_p50": atMost(0.02), "boots_first_answer_p95_ms": atMost(100),
	"guest_with_over_without_p50": atMost(1.0), "guest_file_over_with_p50": atMost(1.05),
	"tcp_tls_over_http_p50": atMost(1.1), "tcp_port_over_http_p50": atMost(1.1),
	"owners30_pool0_throughput_over_bare": atLeast(0.9), "owners30_pool4_throughput_over_bare": atLeast(0.9),
	"path_link_over_plain": atLeast(1.0), "path_owner_over_plain": atLeast(0.82), "path_owner_over_forwardauth": atLeast(1.5),
	"api_ctfd_token_over_none": atLeast(0.8), "api_ctfd_session_over_none": atLeast(0.8),
	"growth_api_p99_5000_over_50": atMost(1.5),
}

// verdict says of a figure that has a bar whether it keeps to it.
func verdict(name string, value float64) string {
	b, has := bars[name]
	sign, met := "≤", value <= b.limit
	if b.least {
		sign, met = "≥", value >= b.limit
	}
	switch {
	case !has:
		return ""
	case met:
		return fmt.Sprintf("  (bar %s %g: met)", sign, b.limit)
	}
	return fmt.Sprintf("  (bar %s %g: MISSED)", sign, b.limit)
}
