package admin

import (
	"net/http"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type ownerSummaryJSON struct {
	ID     string     `json:"id"`
	Name   string     `json:"name"`
	Live   int        `json:"live"`
	Total  int        `json:"total"`
	LastAt *time.Time `json:"last_at"`
}

// ListOwners answers GET /admin/api/owners: the players and teams that have had an instance.
func (a Handlers) ListOwners(w http.ResponseWriter, r *http.Request) error {
	text, err := kit.TextParam(r, "q")
	if err != nil {
		return err
	}
	owners, err := a.AdminQueries.Owners(r.Context(), text, kit.MaxPage)
	if err != nil {
		return err
	}
	all := []ownerSummaryJSON{}
	for _, o := range owners {
		all = append(all, ownerSummaryJSON{o.Owner.ID, o.Owner.Name, o.Live, o.Total, kit.Moment(o.LastAt)})
	}
	return kit.Write(w, http.StatusOK, map[string]any{"owners": all})
}

type solveJSON struct {
	ChallengeID   string    `json:"challenge_id"` // empty: it is none of ours
	CTFdChallenge int       `json:"ctfd_challenge"`
	At            time.Time `json:"at"`
}

type ownerAddressJSON struct {
	ChallengeID   string          `json:"challenge_id"`
	ChallengeName string          `json:"challenge_name"`
	Routes        []kit.RouteJSON `json:"routes"`
}

// GetOwner answers GET /admin/api/owners/{id}: what there is of a player or team besides the lists of everybody's.
func (a Handlers) GetOwner(w http.ResponseWriter, r *http.Request) error {
	id := kit.IDOf(r)
	if !ownerForm.MatchString(id) {
		return whaley.Errorf(whaley.Invalid, "owner_invalid", "The owner's id is of letters, digits, _ and -.")
	}
	latest, _, err := a.AdminQueries.Instances(r.Context(), whaley.InstanceQuery{
		Owner: id, Sort: whaley.ByCreated, Descending: true, Limit: 1,
	})
	if err != nil {
		return err
	}
	answer := struct {
		ID        string             `json:"id"`
		Name      string             `json:"name"`
		Solves    []solveJSON        `json:"solves"`
		Addresses []ownerAddressJSON `json:"addresses"`
	}{id, "", []solveJSON{}, []ownerAddressJSON{}}
	if len(latest) > 0 {
		answer.Name = latest[0].Owner.Name
	}
	solves, err := a.AdminQueries.Solves(r.Context(), id)
	if err != nil {
		return err
	}
	mappings, err := a.AdminQueries.Mappings(r.Context())
	if err != nil {
		return err
	}
	ours := map[int]string{}
	for _, m := range mappings {
		ours[m.CTFdChallenge] = m.Challenge
	}
	for _, s := range solves {
		answer.Solves = append(answer.Solves, solveJSON{ours[s.CTFdChallenge], s.CTFdChallenge, s.At})
	}
	for _, ch := range a.Challenges.All() {
		answer.Addresses = append(answer.Addresses, ownerAddressJSON{ch.ID, ch.Name, a.Routes(ch.ID, ch.Routes, id, nil)})
	}
	return kit.Write(w, http.StatusOK, answer)
}
