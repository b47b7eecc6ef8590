package instancer

import (
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestATeamHasAQuotaOfItsOwn(t *testing.T) {
	i := New(Needs{}, Options{Policy: whaley.Policy{Quota: whaley.Quota{PerOwner: 3, Total: 100}, MaxPerTeam: 5}})
	alone := whaley.Player{ID: "user_1", Owner: whaley.Owner{ID: "user_1"}}
	member := whaley.Player{ID: "user_1", Owner: whaley.Owner{ID: "team_1"}}
	if q := i.quota(alone); q != (whaley.Quota{PerOwner: 3, Total: 100, BackOff: true}) {
		t.Errorf("alone: %+v", q)
	}
	if q := i.quota(member); q != (whaley.Quota{PerOwner: 5, Total: 100, BackOff: true}) {
		t.Errorf("in a team: %+v", q)
	}
}
