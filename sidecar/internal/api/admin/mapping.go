package admin

import (
	"fmt"
	"net/http"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/connect"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type ctfdChallengeJSON struct {
	ID       int    `json:"id"`
	Name     string `json:"name"`
	Category string `json:"category"`
	Type     string `json:"type"`
	Value    int    `json:"value"`
	Hidden   bool   `json:"hidden"`
	MappedTo string `json:"mapped_to"`
}

type localChallengeJSON struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Dynamic    bool            `json:"dynamic_flags"`
	MappedTo   int             `json:"mapped_to"`
	Doubt      string          `json:"doubt"`
	First      string          `json:"first_part"` // what its first flag is called, if it is
	Parts      []partOfJSON    `json:"parts"`      // its flags but the first
	Suggestion *suggestionJSON `json:"suggestion"`
}

// partOfJSON is one of a challenge's further flags.
type partOfJSON struct {
	Name     string `json:"name"`
	MappedTo int    `json:"mapped_to"` // 0: where the challenge's first flag is
	Doubt    string `json:"doubt"`
}

type suggestionJSON struct {
	CTFdChallenge int    `json:"ctfd_challenge_id"`
	CTFdName      string `json:"ctfd_name"`
	Exact         bool   `json:"exact"`
}

// CTFdChallenges are the challenges here and in CTFd side by side, with what probably belongs together.
func (a Handlers) CTFdChallenges(w http.ResponseWriter, r *http.Request) error {
	pairing, err := a.Flags.Pair(r.Context())
	if err != nil {
		return err
	}
	there, here := []ctfdChallengeJSON{}, []localChallengeJSON{}
	for _, c := range pairing.CTFd {
		there = append(there, ctfdChallengeJSON{c.ID, c.Name, c.Category, c.Type, c.Value, c.Hidden, pairing.Mapped[c.ID]})
	}
	doubts := map[[2]string]string{}
	for _, d := range pairing.Doubts {
		doubts[[2]string{d.Challenge, d.Part}] = d.Text()
	}
	for _, ch := range pairing.Local {
		j := localChallengeJSON{
			ID: ch.ID, Name: ch.Name, Dynamic: ch.Flag.Dynamic, MappedTo: pairing.Of[ch.ID], Doubt: doubts[[2]string{ch.ID}],
			Parts: []partOfJSON{},
		}
		for _, form := range ch.Flag.Forms() {
			if form.Part == "" {
				j.First = form.Name
				continue
			}
			j.Parts = append(j.Parts, partOfJSON{
				form.Part, pairing.OfPart[[2]string{ch.ID, form.Part}], doubts[[2]string{ch.ID, form.Part}],
			})
		}
		if s, ok := pairing.Suggested[ch.ID]; ok {
			j.Suggestion = &suggestionJSON{s.CTFdChallenge, s.CTFdName, s.Exact}
		}
		here = append(here, j)
	}
	return kit.Write(w, http.StatusOK, map[string]any{"ctfd": there, "local": here})
}

type syncChallengeRequest struct {
	Challenge      string `json:"local_challenge_id"`
	Part           string `json:"part"`
	CTFdChallenge  int    `json:"ctfd_challenge_id"`
	ConnectionInfo bool   `json:"connection_info"`
}

func (s syncChallengeRequest) Valid() error {
	if s.Challenge == "" || s.CTFdChallenge < 1 {
		return whaley.Errorf(whaley.Invalid, "mapping_invalid", "local_challenge_id and ctfd_challenge_id are needed.")
	}
	return nil
}

// SyncChallenge answers POST /admin/api/flags/sync-challenge.
func (a Handlers) SyncChallenge(w http.ResponseWriter, r *http.Request) error {
	body, err := kit.Decode[syncChallengeRequest](w, r)
	if err != nil {
		return err
	}
	tell(r, whaley.Event{Type: "admin_mapping", Message: fmt.Sprintf("mapped to CTFd's challenge %d", body.CTFdChallenge)})
	m, err := a.Flags.Map(r.Context(), body.Challenge, body.Part, body.CTFdChallenge)
	if err != nil {
		return err
	}
	if body.ConnectionInfo && a.Connection != nil {
		// An author's own text stays; the panel says so, and offers to replace it.
		if _, err := a.Connection.WriteLink(r.Context(), m.Challenge, false); err != nil &&
			whaley.CodeOf(err) != connect.CodeTaken {
			return err
		}
	}
	return kit.Write(w, http.StatusOK, mapping(m))
}

// DeleteMapping answers DELETE /admin/api/flags/mapping/{id}.
func (a Handlers) DeleteMapping(w http.ResponseWriter, r *http.Request) error {
	var part string
	if err := kit.TextParams(r, map[string]*string{"part": &part}); err != nil {
		return err
	}
	tell(r, whaley.Event{Type: "admin_mapping", Message: "mapping removed"})
	if err := a.Flags.Unmap(r.Context(), kit.IDOf(r), part); err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, map[string]string{"local_challenge_id": kit.IDOf(r)})
}

// SyncConnectionInfo answers POST /admin/api/flags/mapping/{id}/sync-connection-info.
func (a Handlers) SyncConnectionInfo(w http.ResponseWriter, r *http.Request) error {
	if err := a.connection(); err != nil {
		return err
	}
	m, err := a.Connection.WriteLink(r.Context(), kit.IDOf(r), r.URL.Query().Get("replace") == "true")
	if err != nil {
		return err
	}
	a.audit(r, whaley.Event{
		Type: "admin_mapping", Challenge: kit.IDOf(r),
		Message: fmt.Sprintf("wrote its link into CTFd's challenge %d", m.CTFdChallenge),
	})
	return kit.Write(w, http.StatusOK, map[string]any{
		"local_challenge_id": kit.IDOf(r), "ctfd_challenge_id": m.CTFdChallenge, "connection_info": a.Connection.Of(m.Challenge),
	})
}
