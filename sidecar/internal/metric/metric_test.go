package metric_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/whaley-ctf/whaley/sidecar/internal/metric"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// odd is what a team may be called.
const odd = "\"}\n# HELP evil\nevil{a=\"\\\x00\xff 1"

type world struct {
	*metric.Metrics
	asked  atomic.Int64
	detail atomic.Bool
}

// watched are metrics over sources with n live instances, asked once.
func watched(t testing.TB, n int) *world {
	t.Helper()
	w := &world{Metrics: metric.New("test")}
	rows := make([]whaley.LiveRow, n)
	now := time.Now()
	for i := range rows {
		rows[i] = whaley.LiveRow{
			ID: fmt.Sprint("web-", i), Challenge: fmt.Sprint("challenge-", i%20),
			Owner:  whaley.Owner{ID: fmt.Sprint("team_", 1+i/4), Name: odd},
			Player: "user_1", State: whaley.Running, CreatedAt: now.Add(-time.Hour),
			ExpiresAt: now.Add(time.Duration(i) * time.Minute), Memory: 1 << 20,
		}
	}
	if n > 3 {
		rows[0].State, rows[1].State, rows[1].CreatedAt = whaley.Starting, whaley.Starting, now
	}
	asked := func() { w.asked.Add(1) }
	state := w.Watch(metric.Sources{
		Live:       func(context.Context) ([]whaley.LiveRow, error) { asked(); return rows, nil },
		Ports:      func(context.Context) (int, int, error) { asked(); return 25, 100, nil },
		Subnets:    func(context.Context) (int, int, error) { asked(); return 7, 16, nil },
		Flags:      func(context.Context) (int, int, error) { asked(); return 5, 1, nil },
		Suspicious: func(context.Context) (int, error) { asked(); return 2, nil },
		Captures: func(context.Context) (whaley.CaptureStats, error) {
			asked()
			return whaley.CaptureStats{Auto: 3, Live: 1, Bytes: 99}, nil
		},
		Events: func(context.Context) (whaley.EventStats, error) {
			asked()
			return whaley.EventStats{Total: 9, ByType: map[string]int64{"instance_spawn": 9}, LastDay: 4, Owners: 2}, nil
		},
		Up: map[string]func(context.Context) error{
			"engine": func(context.Context) error { asked(); return nil },
			"ctfd":   func(context.Context) error { asked(); return errors.New("down") },
		},
		Challenges: func() []*whaley.Challenge { return []*whaley.Challenge{{ID: "a"}, {ID: "b", Inactive: true}} },
		Queue:      func() (int, int) { return 3, 2 },
		Waiting:    func() map[string]int { return map[string]int{"web": 4} },
		Policy:     func() whaley.Policy { return whaley.Policy{MaxPerTeam: 4} },
		AutoOn:     func() bool { return true },
		Usage: func() metric.Usage {
			return metric.Usage{
				At: now, Took: time.Second, Running: 4, CPU: map[string]float64{"a": 0.5}, Memory: map[string]float64{"a": 1 << 20},
			}
		},
		Detail: w.detail.Load,
	}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = state.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	deadline := time.Now().Add(5 * time.Second)
	for !strings.Contains(w.scrape(t), "whaley_dependency_up") {
		if time.Now().After(deadline) {
			t.Fatal("the sources are not asked")
		}
		time.Sleep(time.Millisecond)
	}
	return w
}

func (w *world) scrape(t testing.TB) string {
	t.Helper()
	answer := httptest.NewRecorder()
	w.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if answer.Code != 200 {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

// happen makes something of everything happen.
func (w *world) happen() {
	w.Done(whaley.OpSpawn, "a", 300*time.Millisecond, nil)
	w.Done(whaley.OpSpawn, "a", time.Second, whaley.Errorf(whaley.Unavailable, "service_exited", "x"))
	w.Done(whaley.OpSpawn, "", 0, errors.New("secret text"))
	w.Done(whaley.OpStop, "a", time.Second, nil)
	w.Waited(time.Millisecond)
	w.Leaked("network")
	w.Event(whaley.Event{Type: "instance_spawn"})
	w.Captured("auto", time.Second, nil)
	w.Notified("discord", "sent", 2)
	w.Answered("GET /instances/{id}", 404, time.Millisecond)
}

func has(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			t.Errorf("%q is missing", line)
		}
	}
}

func TestWhatIsKnownIsScraped(t *testing.T) {
	w := watched(t, 40)
	w.happen()
	text := w.scrape(t)
	has(t, text,
		`whaley_instances_open 40`, `whaley_instances{status="starting"} 2`, `whaley_instances{status="queued"} 0`,
		`whaley_challenge_instances{challenge_id="challenge-3"} 2`,
		`whaley_owners{owner_type="team"} 10`, `whaley_owners_saturated{owner_type="team"} 10`,
		`whaley_owner_saturation_max_ratio{owner_type="team"} 1`,
		`whaley_instances_expiring{within="10m"} 9`, `whaley_instances_expiring{within="5m"} 4`,
		`whaley_instances_starting_stale 1`,
		`whaley_ports_available 75`, `whaley_ports_utilization_ratio 0.25`, `whaley_subnets_allocated 7`,
		`whaley_challenges_loaded 2`, `whaley_challenges_active 1`, `whaley_waiting_instances{challenge="web"} 4`,
		`whaley_flags_assigned 5`, `whaley_suspicious_submissions 2`, `whaley_forensics_auto_capture_enabled 1`,
		`whaley_forensics_logs{capture_type="auto"} 3`,
		`whaley_dependency_up{dependency="ctfd"} 0`, `whaley_dependency_up{dependency="engine"} 1`,
		`whaley_event_log_entries{event_type="instance_spawn"} 9`,
		`whaley_operations_total{challenge_id="a",operation="spawn",outcome="failure",reason="service_exited"} 1`,
		`whaley_operations_total{challenge_id="unknown",operation="spawn",outcome="failure",reason="internal"} 1`,
		`whaley_operations_total{challenge_id="a",operation="stop",outcome="success",reason="none"} 1`,
		`whaley_spawn_duration_seconds_bucket{outcome="success",le="0.5"} 1`, `whaley_leaks_found_total{kind="network"} 1`,
		`whaley_http_requests_total{code="4xx",route="GET /instances/{id}"} 1`, `whaley_spawn_queue_length 3`,
		`whaley_spawns_inflight 2`,
	)
	if strings.Contains(text, "secret text") {
		t.Error("the text of an error is a label")
	}
	if n := strings.Count(text, `whaley_spawn_duration_seconds_bucket{outcome="success"`); n != 10 {
		t.Errorf("%d buckets instead of nine and +Inf", n)
	}
}

func TestOwnersAndInstancesAreThereOnlyWhenWanted(t *testing.T) {
	w := watched(t, 8)
	if text := w.scrape(t); strings.Contains(text, "web-1") || strings.Contains(text, "team_1") {
		t.Error("they are there by default")
	}
	w.detail.Store(true)
	text := w.scrape(t)
	for _, want := range []string{
		`whaley_instance_info{challenge_id="challenge-1",instance_id="web-1"`, `whaley_owner_instances{owner_id="team_1"`,
		`whaley_instance_expiry_timestamp_seconds{challenge_id="challenge-7",instance_id="web-7"} `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(text, "\nevil") {
		t.Error("a team's name became a metric")
	}
	if problems, err := promlint.New(strings.NewReader(text)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

var family = regexp.MustCompile(`(?m)^# TYPE (\S+)`)

func families(text string) []string {
	var all []string
	for _, m := range family.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

func TestThereAreAllFamiliesAndNothingToCriticise(t *testing.T) {
	w := watched(t, 4)
	w.happen()
	text := w.scrape(t)
	own := slices.DeleteFunc(families(text), func(name string) bool { return !strings.HasPrefix(name, "whaley_") })
	t.Logf("%d families of our own, %d altogether", len(own), len(families(text)))
	if len(own) < 30 {
		t.Errorf("only %d families: %q", len(own), own)
	}
	if problems, err := promlint.New(strings.NewReader(text)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

func TestAScrapeOfFiveThousandInstancesReadsMemoryOnly(t *testing.T) {
	w := watched(t, 5000)
	before := w.asked.Load()
	var took []time.Duration
	for range 9 {
		began := time.Now()
		w.scrape(t)
		took = append(took, time.Since(began))
	}
	if w.asked.Load() != before && w.asked.Load()-before > 5 { // the background may have asked meanwhile
		t.Errorf("scrapes asked the sources %d times", w.asked.Load()-before)
	}
	slices.Sort(took)
	t.Logf("median %s, longest %s", took[4], took[8])
	if took[4] > 50*time.Millisecond {
		t.Errorf("a scrape takes %s", took[4])
	}
}

// used are the names of our metrics in a text with queries.
var used = regexp.MustCompile(`\bwhaley_[a-z0-9_]+`)

func TestDashboardsAndRulesAskForMetricsThatThereAre(t *testing.T) {
	w := watched(t, 4)
	w.happen()
	w.detail.Store(true)
	known := map[string]bool{}
	for _, name := range families(w.scrape(t)) {
		for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
			known[name+suffix] = true
		}
	}
	files := []string{}
	for _, pattern := range []string{"../../../traefik/grafana/dashboards/*.json", "../../../traefik/rules/*.yml"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range used.FindAllString(string(text), -1) {
			if !known[name] {
				t.Errorf("%s asks for %s, which there is not", filepath.Base(file), name)
			}
		}
	}
}
