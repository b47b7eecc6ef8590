package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
)

type listed struct {
	Challenges []struct {
		ID, Name string
		Closed   bool
		Instance *instance
	}
}

func TestAClosedChallengeStaysInFrontOfWhoRunsIt(t *testing.T) {
	s := newSurfaceOn(t, simulated.NewWorld().Engine("closed"))
	var started instance
	s.into(s.call(alice, "POST", "/instances/spawn", `{"challenge_id":"quick"}`), &started)
	var closed adminChallenge
	if s.into(s.manage("POST", "/quick/toggle", `{"active":false}`), &closed); closed.Active {
		t.Fatalf("%+v", closed)
	}
	var list listed
	if s.into(s.call(alice, "GET", "/challenges", ""), &list); len(list.Challenges) != 1 || !list.Challenges[0].Closed ||
		list.Challenges[0].Instance == nil {
		t.Errorf("its player sees %+v", list)
	}
	if s.into(s.call(bob, "GET", "/challenges", ""), &list); len(list.Challenges) != 0 {
		t.Errorf("others see %+v", list)
	}
	s.refused(s.call(bob, "POST", "/instances/spawn", `{"challenge_id":"quick"}`), 409, "challenge_inactive")
	if w := s.call(alice, "DELETE", "/instances/"+started.ID, ""); w.Code != http.StatusAccepted {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if s.into(s.call(alice, "GET", "/challenges", ""), &list); len(list.Challenges) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("once it is stopped, its player sees %+v", list)
		}
	}
}

func TestLimitsAreRefusedBeyondTheirMaximum(t *testing.T) {
	s := newSurfaceOn(t, simulated.NewWorld().Engine("limits"))
	for body, want := range map[string]string{
		`{"memory":104857600000,"cpus":0,"pids":0}`: "at most 64MiB, as CONTAINER_MAX_MEMORY says",
		`{"memory":0,"cpus":2,"pids":0}`:            "at most 0.5, as CONTAINER_MAX_CPU says",
		`{"memory":0,"cpus":0,"pids":65}`:           "at most 64, as CONTAINER_PIDS_LIMIT says",
	} {
		if w := s.manage("PUT", "/quick/resources", body); w.Code != 422 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	var set adminChallenge
	if s.into(s.manage("PUT", "/quick/resources", `{"memory":33554432,"cpus":0.5,"pids":64}`), &set); set.Resources.Memory != 32<<20 ||
		set.Resources.Pids != 64 {
		t.Errorf("%+v", set)
	}
}

func TestAskingHowManyWouldBeStoppedIsNoAction(t *testing.T) {
	s := newSurfaceOn(t, simulated.NewWorld().Engine("asking"))
	if w := s.call(alice, "POST", "/admin/api/instances/stop", `{"ids":[]}`, "X-Admin-Key", adminKey); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if events := s.call(alice, "GET", "/admin/api/logs", "", "X-Admin-Key", adminKey); events.Code != 200 ||
		strings.Contains(events.Body.String(), "admin_action") {
		t.Errorf("%d %s", events.Code, events.Body)
	}
}
