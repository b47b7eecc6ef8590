package api_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

func TestAChallengeOpensByItselfWhenItsTimeComes(t *testing.T) {
	s := newSurfaceOn(t, simulated.NewWorld().Engine("release"))
	type told struct {
		Challenges []struct {
			ID, Name, Description string
			OpensAt               *time.Time `json:"opens_at"`
			Routes                []struct{ URL string }
		}
	}
	see := func() told {
		t.Helper()
		var list told
		if s.into(s.call(alice, "GET", "/challenges", ""), &list); len(list.Challenges) != 1 {
			t.Fatalf("%+v", list)
		}
		return list
	}
	release := func(at string, want int) {
		t.Helper()
		if w := s.manage("PUT", "/quick/release", `{"opens_at":`+at+`}`); w.Code != want {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	release(`"2500-01-02T03:04:05+02:00"`, 200)
	ch := see().Challenges[0]
	if ch.OpensAt == nil || ch.OpensAt.Year() != 2500 || ch.Name == "" || ch.Description != "" || len(ch.Routes) != 0 {
		t.Errorf("before its time players see %+v", ch)
	}
	s.refused(s.call(alice, "GET", "/challenges/quick", ""), 404, "challenge_not_found")
	s.refused(s.call(alice, "POST", "/instances/spawn", `{"challenge_id":"quick"}`), 403, "challenge_not_open")

	release(`"`+time.Now().Add(300*time.Millisecond).Format(time.RFC3339Nano)+`"`, 200)
	testkit.Eventually(t, 20*time.Second, "it opens", func() error {
		if at := see().Challenges[0].OpensAt; at != nil {
			return fmt.Errorf("it opens at %s", at)
		}
		return nil
	})
	if ch := see().Challenges[0]; len(ch.Routes) == 0 {
		t.Errorf("once it is open: %+v", ch)
	}
	if w := s.call(alice, "POST", "/instances/spawn", `{"challenge_id":"quick"}`); w.Code != 202 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	release(`null`, 200)
	release(`"0001-01-01T00:00:00Z"`, 422)
	release(`"soon"`, 422)
}
