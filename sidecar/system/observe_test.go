package system

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	seenKey    = "the key of those who look on"
	seenSecret = "the secret of those who count"
)

// asAdmin uses the admin API.
func (s *stack) asAdmin(method, path, body string) answer {
	s.t.Helper()
	return s.do(
		alice, method, s.dashboard+path, strings.NewReader(body), "X-Admin-Key", seenKey, "Content-Type", "application/json",
	)
}

// span is one that the console exporter printed.
type span struct {
	Name        string
	SpanContext struct{ TraceID, SpanID string }
	Parent      struct{ SpanID string }
	StartTime   time.Time
	EndTime     time.Time
}

// spans are all that the sidecar has printed.
func (s *stack) spans() []span {
	var all []span
	text := s.log.String()
	for {
		at := strings.Index(text, `{"Name":`)
		if at < 0 {
			at = strings.Index(text, "{\n\t\"Name\":")
		}
		if at < 0 {
			return all
		}
		text = text[at:]
		decoder := json.NewDecoder(strings.NewReader(text))
		var one span
		if decoder.Decode(&one) != nil {
			return all
		}
		all = append(all, one)
		text = text[decoder.InputOffset():]
	}
}

func TestOneWakeIsOneTraceAndOneRequest(t *testing.T) {
	t.Parallel()
	s := start(
		t, "traefik", writeFixtures(t, "pair"), "OTEL_TRACES_EXPORTER=console", "OTEL_BSP_SCHEDULE_DELAY=100",
		"ADMIN_KEY="+seenKey, "LOG_FORMAT=json",
	)
	if got := s.do(alice, "GET", s.address(alice, "pair")+"/", nil, "X-Request-Id", "the-request-of-this-test"); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	wanted := []string{
		"POST /internal/wake", "spawn", "reserve", "network and containers", "start db", "until db is ready", "start web",
		"until web is ready",
	}
	var trace []span
	s.eventually("the trace is printed", 40*time.Second, func() error {
		byID := map[string][]span{}
		for _, one := range s.spans() {
			byID[one.SpanContext.TraceID] = append(byID[one.SpanContext.TraceID], one)
		}
		var names []string
		for _, all := range byID {
			names = nil
			for _, one := range all {
				names = append(names, one.Name)
			}
			missing := slices.DeleteFunc(slices.Clone(wanted), func(name string) bool { return slices.Contains(names, name) })
			if trace = all; len(missing) == 0 {
				return nil
			}
		}
		return fmt.Errorf("%d traces, the last of %q", len(byID), names)
	})
	slices.SortFunc(trace, func(a, b span) int { return a.StartTime.Compare(b.StartTime) })
	engine, database, calls, began := 0, 0, 0, trace[0].StartTime
	depth := map[string]int{}
	for _, one := range trace {
		depth[one.SpanContext.SpanID] = depth[one.Parent.SpanID] + 1
		if strings.Contains(one.Name, "/containers/") || strings.Contains(one.Name, "/networks/") {
			engine++
		}
		if strings.Contains(one.Name, " /internal/") {
			calls++
		}
		if one.Name == "INSERT instances" || one.Name == "UPDATE instances" || one.Name == "INSERT events" ||
			one.Name == "COMMIT" {
			database++
		}
		t.Logf(
			"%8s +%-8s %s%s", one.StartTime.Sub(began).Round(time.Millisecond),
			one.EndTime.Sub(one.StartTime).Round(time.Millisecond), strings.Repeat("  ", depth[one.SpanContext.SpanID]),
			one.Name,
		)
	}
	if database < 5 {
		t.Errorf("%d calls to the database are in the trace", database)
	}
	if calls != 1 {
		t.Errorf("%d calls of the plugin are in the trace", calls)
	}
	if engine < 5 {
		t.Errorf("%d calls to the engine are in the trace", engine)
	}
	if trace[0].Name != "POST /internal/wake" || strings.Trim(trace[0].Parent.SpanID, "0") == "" {
		t.Errorf("the first span is %+v, not the wake of the plugin's", trace[0])
	}
	// The same request is in the log and in the events.
	found := false
	lines := bufio.NewScanner(strings.NewReader(s.log.String()))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct{ Msg, Request, Trace string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "instance running" {
			found = line.Request == "the-request-of-this-test" && line.Trace == trace[0].SpanContext.TraceID
		}
	}
	if !found {
		t.Error("the log does not say which request the instance runs for")
	}
	for _, kind := range []string{"instance_spawn", "instance_running"} {
		if got := s.asAdmin("GET", "/admin/api/logs?type="+kind, ""); !strings.Contains(
			got.Body, `"request":"the-request-of-this-test"`,
		) {
			t.Errorf("%s: %s", kind, got.Body)
		}
	}
}

func TestAnEventIsSeenEverywhere(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	told := map[string]string{} // path → body
	hooks := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		told[r.URL.Path] += string(body)
	}))
	defer hooks.Close()
	s := start(
		t, "traefik", writeFixtures(t, "loud", "exits"), "ADMIN_KEY="+seenKey, "METRICS_SECRET="+seenSecret,
		"MONITOR_EVERY=1", "FORENSICS_AUTO_CAPTURE=true", "DISCORD_WEBHOOK_URL="+hooks.URL+"/discord-hunter2",
		"WEBHOOK_URL="+hooks.URL+"/hook-hunter2", "WEBHOOK_SECRET=0123456789abcdef",
	)
	prometheus := s.prometheus()

	stream, err := http.NewRequest("GET", "http://"+s.public+"/admin/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	stream.Header.Set("X-Admin-Key", seenKey)
	streamed, err := http.DefaultClient.Do(stream)
	if err != nil || streamed.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", streamed, err)
	}
	defer streamed.Body.Close()

	if got := s.do(alice, "GET", s.address(alice, "loud")+"/", nil); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	in := s.live(alice, "loud")
	s.do(alice, "GET", s.address(alice, "exits")+"/", nil)

	lines := bufio.NewScanner(streamed.Body)
	for lines.Scan() &&
		(!strings.Contains(lines.Text(), `"type":"instance_running"`) || !strings.Contains(lines.Text(), in.ID)) {
	}
	if lines.Err() != nil {
		t.Errorf("the stream ended: %v", lines.Err())
	}

	s.eventually("the use of the instance is sampled", 40*time.Second, func() error {
		got := s.asAdmin("GET", "/admin/api/monitoring/instances?challenge=loud", "")
		var list struct {
			Instances []struct {
				ID      string
				Sampled bool
				Memory  int64 `json:"memory_bytes"`
				Limit   int64 `json:"memory_limit_bytes"`
				Pids    int
				In      int64 `json:"network_rx_bytes"`
			}
		}
		if err := json.Unmarshal([]byte(got.Body), &list); err != nil || len(list.Instances) != 1 ||
			!list.Instances[0].Sampled {
			return fmt.Errorf("%s", got.Body)
		}
		if one := list.Instances[0]; one.ID != in.ID || one.Memory == 0 || one.Memory >= one.Limit || one.Pids == 0 ||
			one.In == 0 {
			return fmt.Errorf("%+v", one)
		}
		return nil
	})

	began := time.Now()
	s.call(alice, "DELETE", "/instances/"+in.ID, "", nil)
	var logs struct {
		Logs []struct {
			ID, Instance string
			Reason       string `json:"terminate_reason"`
			Truncated    bool
		}
	}
	s.eventually("both ends are captured", 40*time.Second, func() error {
		got := s.asAdmin("GET", "/admin/api/forensics/logs", "")
		if err := json.Unmarshal([]byte(got.Body), &logs); err != nil || len(logs.Logs) != 2 {
			return fmt.Errorf("%s", got.Body)
		}
		return nil
	})
	t.Logf(
		"stopping and capturing an instance that printed %s MB took %s", loud(), time.Since(began).Round(time.Millisecond),
	)
	for _, log := range logs.Logs {
		text := s.asAdmin("GET", "/admin/api/forensics/logs/"+log.ID, "").Body
		switch log.Instance {
		case in.ID:
			if log.Reason != "player" || !strings.Contains(text, "last words") || !strings.Contains(text, `\x01\x02\x03`) ||
				len(text) > 6<<20 {
				t.Errorf("%+v %d bytes, ends %q", log, len(text), text[max(0, len(text)-400):])
			}
		default:
			if log.Reason != "error" || !strings.Contains(text, "ending with 3 as told") {
				t.Errorf("%+v %s", log, text)
			}
		}
	}

	for what, want := range map[string]string{
		"/discord-hunter2": "Instance failed to start", "/hook-hunter2": `"type":"instance_stop"`,
	} {
		s.eventually("the webhook is told", 40*time.Second, func() error {
			mu.Lock()
			defer mu.Unlock()
			if !strings.Contains(told[what], want) {
				return fmt.Errorf("%s: %q", what, told[what])
			}
			return nil
		})
	}
	if strings.Contains(s.log.String(), "hunter2") {
		t.Error("the URL of a webhook is in the log")
	}

	s.scraped(prometheus)
	s.terminate()
	file, err := os.ReadFile(filepath.Join(s.dataDir(), "events.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{
		"system_start", "instance_spawn", "instance_running", "instance_spawn_failed", "instance_stop", "system_stop",
	} {
		if n := bytes.Count(file, []byte(`"type":"`+kind+`"`)); n == 0 && kind != "system_stop" { // that one may be written at the next start
			t.Errorf("%d lines of %s", n, kind)
		}
	}
	s.serve() // for what stops everything at the end
}

func (s *stack) dataDir() string {
	for _, pair := range s.env {
		if dir, found := strings.CutPrefix(pair, "DATA_DIR="); found {
			return dir
		}
	}
	return ""
}
