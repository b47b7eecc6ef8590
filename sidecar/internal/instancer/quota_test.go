package instancer

import "testing"

func TestATeamHasAQuotaOfItsOwn(t *testing.T) {
	i := New(Needs{}, Options{Policy: Policy{Quota: Quota{PerOwner: 3, Total: 100}, MaxPerTeam: 5}})
	alone := Player{ID: "user_1", Owner: Owner{ID: "user_1"}}
	member := Player{ID: "user_1", Owner: Owner{ID: "team_1"}}
	if q := i.quota(alone); q != (Quota{PerOwner: 3, Total: 100, BackOff: true}) {
		t.Errorf("alone: %+v", q)
	}
	if q := i.quota(member); q != (Quota{PerOwner: 5, Total: 100, BackOff: true}) {
		t.Errorf("in a team: %+v", q)
	}
}
