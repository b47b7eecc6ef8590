package api_test

import (
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
)

func TestARestartIsANewInstanceInOneCall(t *testing.T) {
	s := newSurfaceOn(t, simulated.NewWorld().Engine("restart"))
	var first, second, third, kept instance
	s.into(s.call(alice, "POST", "/instances/spawn", `{"challenge_id":"quick"}`), &first)
	s.refused(s.call(bob, "POST", "/instances/"+first.ID+"/restart", ""), 404, "instance_not_found")
	if s.into(s.call(alice, "POST", "/instances/"+first.ID+"/restart", ""), &second); second.ID == first.ID ||
		second.ID == "" {
		t.Errorf("%+v then %+v", first, second)
	}
	s.into(s.call(bob, "POST", "/admin/api/instances/"+second.ID+"/restart", "", "X-Admin-Key", adminKey), &third)
	if third.ID == second.ID || third.ID == "" {
		t.Errorf("%+v then %+v", second, third)
	}
	var closed adminChallenge
	s.into(s.manage("POST", "/quick/toggle", `{"active":false}`), &closed)
	s.refused(s.call(alice, "POST", "/instances/"+third.ID+"/restart", ""), 409, "challenge_inactive")
	if s.into(s.call(alice, "GET", "/instances/"+third.ID, ""), &kept); kept.State == "stopping" || kept.State == "stopped" {
		t.Errorf("a restart that was refused stopped it: %+v", kept)
	}
}
