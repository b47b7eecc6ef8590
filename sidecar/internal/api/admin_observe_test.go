package api_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/limit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func (s *surface) asAdmin(method, path, body string, header ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.call(alice, method, path, body, append([]string{"X-Admin-Key", adminKey}, header...)...)
}

type eventList struct {
	Events []struct{ ID, Type, Level, Message, Player, Request string }
	Next   string
}

func TestAdminsLookBackAtWhatHappened(t *testing.T) {
	s := newSurface(t)
	for n, message := range []string{"asked for web-notes", "stopped: player", "service_exited: It ended."} {
		err := s.api.Events.Record(t.Context(), whaley.Event{
			Type: []string{"instance_spawn", "instance_stop", "instance_spawn_failed"}[n], Instance: "i1", Owner: "team_1",
			Message: message, At: time.Now(),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var list eventList
	s.into(s.asAdmin("GET", "/admin/api/logs?limit=2&owner=team_1", ""), &list)
	if len(list.Events) != 2 || list.Events[0].Level != "error" || list.Next != list.Events[1].ID {
		t.Fatalf("%+v", list)
	}
	var rest eventList
	s.into(s.asAdmin("GET", "/admin/api/logs?limit=2&owner=team_1&after="+list.Next, ""), &rest)
	if len(rest.Events) != 1 || rest.Next != "" || rest.Events[0].Message != "asked for web-notes" {
		t.Errorf("%+v", rest)
	}
	for query, want := range map[string]int{
		"q=notes": 1, "q=It+end": 1, "type=instance_spawn,instance_stop": 2, "type=instance_spawn&type=instance_stop": 2,
		"instance=i2":               0,
		"from=2000-01-01T00:00:00Z": 3, "to=2000-01-01T00:00:00Z": 0, "q=%25%27%22": 3,
	} {
		var found eventList
		if s.into(s.asAdmin("GET", "/admin/api/logs?owner=team_1&"+query, ""), &found); len(found.Events) != want {
			t.Errorf("%s: %d instead of %d", query, len(found.Events), want)
		}
	}
	for query, code := range map[string]string{
		"limit=0": "limit_invalid", "from=yesterday": "time_invalid", "type=A": "type_invalid", "q=%ff": "address_unreadable",
		"type=" + strings.Repeat("a,", 60): "type_invalid",
	} {
		s.refused(s.asAdmin("GET", "/admin/api/logs?"+query, ""), 422, code)
	}
	var stats struct {
		Total int
		Types []struct {
			Type  string
			Count int
		}
	}
	s.into(s.asAdmin("GET", "/admin/api/logs/stats", ""), &stats)
	if stats.Total < 3 || len(stats.Types) < 13 {
		t.Errorf("%+v", stats)
	}
}

func TestAdminsSeeEventsAsTheyHappenAndThoseTheyMissed(t *testing.T) {
	s := newSurface(t)
	server := httptest.NewServer(s.public)
	defer server.Close()
	record := func(message string) {
		if err := s.api.Events.Record(t.Context(), whaley.Event{Type: "told", Message: message, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	open := func(last string) *bufio.Scanner {
		r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/admin/api/events?type=told", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Admin-Key", adminKey)
		if last != "" {
			r.Header.Set("Last-Event-ID", last)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%v %v", resp, err)
		}
		return bufio.NewScanner(resp.Body)
	}
	next := func(lines *bufio.Scanner) (id, data string) {
		for lines.Scan() {
			if text, found := strings.CutPrefix(lines.Text(), "id: "); found {
				id = text
			}
			if text, found := strings.CutPrefix(lines.Text(), "data: "); found {
				return id, text
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return "", ""
	}
	stream := open("")
	record("first")
	id, data := next(stream)
	if !strings.Contains(data, `"message":"first"`) {
		t.Errorf("%s", data)
	}
	record("missed")
	again := open(id)
	record("and now")
	for _, want := range []string{"missed", "and now"} {
		if _, data := next(again); !strings.Contains(data, `"message":"`+want+`"`) {
			t.Errorf("%s instead of %s", data, want)
		}
	}
	s.refused(s.asAdmin("GET", "/admin/api/events", "", "Last-Event-ID", "'; DROP TABLE events"), 422, "event_id_invalid")
}

func TestAdminsCaptureReadAndRemoveWhatAnInstancePrints(t *testing.T) {
	s := newSurface(t)
	var in instance
	s.into(s.call(alice, "POST", "/instances/spawn?wait=60", `{"challenge_id":"quick"}`), &in)
	if in.State != "running" {
		t.Fatalf("%+v", in)
	}
	var c struct {
		ID   string
		Type string `json:"capture_type"`
	}
	if w := s.asAdmin("POST", "/admin/api/forensics/live-capture/"+in.ID, ""); w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	} else if s.into(w, &c); c.Type != "live" {
		t.Errorf("%+v", c)
	}
	w := s.asAdmin("GET", "/admin/api/forensics/logs/"+c.ID+"?download=true", "")
	if w.Code != 200 || !strings.Contains(w.Body.String(), "Instance ID:      "+in.ID) ||
		w.Header().Get("Content-Disposition") != `attachment; filename="`+c.ID+`.log"` {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	s.refused(s.asAdmin("GET", "/admin/api/forensics/logs/none", ""), 404, "capture_not_found")
	if w := s.asAdmin("GET", "/admin/api/forensics/logs/..%2f..%2fetc%2fpasswd", ""); w.Code != 404 {
		t.Errorf("%d %s", w.Code, w.Body) // a slash parts a path, however it is written
	}
	s.refused(s.asAdmin("POST", "/admin/api/forensics/live-capture/none", ""), 404, "instance_not_found")

	var stats struct {
		On   bool `json:"auto_capture_enabled"`
		Auto int  `json:"auto_capture_count"`
		Live int  `json:"live_capture_count"`
	}
	if s.into(s.asAdmin("GET", "/admin/api/forensics/stats", ""), &stats); stats.On || stats.Live != 1 {
		t.Errorf("%+v", stats)
	}
	s.refused(s.asAdmin("POST", "/admin/api/forensics/toggle", `{}`), 422, "enabled_missing")
	if w := s.asAdmin("POST", "/admin/api/forensics/toggle", `{"enabled":true}`); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	s.call(alice, "DELETE", "/instances/"+in.ID, "")
	deadline := time.Now().Add(20 * time.Second)
	for stats.Auto == 0 {
		if time.Now().After(deadline) {
			t.Fatal("its end is not captured")
		}
		time.Sleep(20 * time.Millisecond)
		s.into(s.asAdmin("GET", "/admin/api/forensics/stats", ""), &stats)
	}
	if !stats.On {
		t.Errorf("%+v", stats)
	}
	var list struct{ Logs []struct{ ID string } }
	if s.into(s.asAdmin("GET", "/admin/api/forensics/logs?capture_type=auto&reason=player&instance="+in.ID, ""), &list); len(
		list.Logs,
	) != 1 {
		t.Errorf("%+v", list)
	}
	if w := s.asAdmin("DELETE", "/admin/api/forensics/logs/"+c.ID, ""); w.Code != 200 ||
		strings.TrimSpace(w.Body.String()) != `{"deleted":1}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.asAdmin("DELETE", "/admin/api/forensics/logs", ""); strings.TrimSpace(w.Body.String()) != `{"deleted":1}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.asAdmin("POST", "/admin/api/forensics/cleanup", ""); strings.TrimSpace(w.Body.String()) != `{"deleted":0}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	var done eventList
	s.into(
		s.asAdmin(
			"GET",
			"/admin/api/logs?type=admin_forensics_capture,admin_forensics_delete,admin_forensics_clear,admin_forensics_cleanup,admin_settings",
			"",
		),
		&done,
	)
	if len(done.Events) != 5 {
		t.Errorf("%d of five things that an admin did are recorded: %+v", len(done.Events), done)
	}
}

func TestAdminsSeeWhatIsUsedFromMemory(t *testing.T) {
	s := newSurface(t)
	var none struct {
		At *time.Time `json:"sampled_at"`
	}
	if s.into(s.asAdmin("GET", "/admin/api/monitoring/system", ""), &none); none.At != nil {
		t.Errorf("%+v", none)
	}
	s.call(alice, "POST", "/instances/spawn?wait=60", `{"challenge_id":"quick"}`)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.monitor.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	var list struct {
		Instances []struct {
			Challenge  string `json:"challenge_id"`
			Sampled    bool
			Memory     int64 `json:"memory_bytes"`
			Containers []struct{ Service string }
		}
		Total int
	}
	deadline := time.Now().Add(20 * time.Second)
	for len(list.Instances) != 1 || !list.Instances[0].Sampled {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", list)
		}
		time.Sleep(20 * time.Millisecond)
		s.into(s.asAdmin("GET", "/admin/api/monitoring/instances?sort=memory", ""), &list)
	}
	if in := list.Instances[0]; in.Challenge != "quick" || in.Memory == 0 || len(in.Containers) != 1 ||
		in.Containers[0].Service != "web" || list.Total != 1 {
		t.Errorf("%+v", list)
	}
	var system struct {
		Running int   `json:"running_containers"`
		Cores   int   `json:"host_cpu_cores"`
		Disk    int64 `json:"disk_total_bytes"`
	}
	if s.into(s.asAdmin("GET", "/admin/api/monitoring/system", ""), &system); system.Running != 1 || system.Cores == 0 ||
		system.Disk == 0 {
		t.Errorf("%+v", system)
	}
	for query, want := range map[string]int{
		"min_memory_percent=99": 0, "min_cpu_percent=0": 1, "challenge=other": 0, "owner=nobody": 0,
	} {
		if s.into(s.asAdmin("GET", "/admin/api/monitoring/instances?"+query, ""), &list); len(list.Instances) != want {
			t.Errorf("%s: %d", query, len(list.Instances))
		}
	}
	s.refused(s.asAdmin("GET", "/admin/api/monitoring/instances?sort=name", ""), 422, "sort_invalid")
	s.refused(s.asAdmin("GET", "/admin/api/monitoring/instances?min_cpu_percent=NaN", ""), 422, "number_invalid")
}

func TestAWrongAdminKeyIsRecordedOnceAMinute(t *testing.T) {
	s := newSurfaceOn(
		t, simulated.NewWorld().Engine("test"), func(n *api.Needs, _ *api.Options) { n.Limiter = limit.NewLocal() },
	)
	for range 3 {
		s.refused(s.call(bob, "GET", "/admin/api/whoami", "", "X-Admin-Key", "guessed"), 401, "key_refused")
	}
	s.refused(s.call(bob, "GET", "/admin/api/whoami", ""), 401, "key_refused")
	var list eventList
	s.into(s.asAdmin("GET", "/admin/api/logs?type=auth_failure", ""), &list)
	if len(list.Events) != 1 || !strings.Contains(list.Events[0].Message, bob) ||
		strings.Contains(list.Events[0].Message, "guessed") {
		t.Errorf("%+v", list)
	}
}
