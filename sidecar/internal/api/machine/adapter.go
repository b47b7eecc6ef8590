package machine

import (
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// asAdapter refuses all but the plugin.
func (a Handlers) asAdapter(r *http.Request) error {
	shown, err := a.IsAdapter(r)
	if err == nil && !shown {
		return kit.ErrAdapter
	}
	return err
}

type adapterChallengeJSON struct {
	ID     string `json:"id"`
	InCTFd int    `json:"ctfd_challenge_id"`
	Part   string `json:"part"` // of the challenge; empty: the whole, or the first
}

// AdapterChallenges says which challenges of CTFd are which here.
func (a Handlers) AdapterChallenges(w http.ResponseWriter, r *http.Request) error {
	if err := a.asAdapter(r); err != nil {
		return err
	}
	mappings, err := a.Flags.Mappings(r.Context())
	if err != nil {
		return err
	}
	all := []adapterChallengeJSON{}
	for _, m := range mappings {
		all = append(all, adapterChallengeJSON{ID: m.Challenge, InCTFd: m.CTFdChallenge, Part: m.Part})
	}
	return kit.Write(w, http.StatusOK, map[string]any{"challenges": all})
}

type adapterSignIn struct {
	State string `json:"state"` // that the browser has gone to CTFd with; empty: it has not been sent there
}

var stateForm = regexp.MustCompile(`^[A-Za-z0-9_-]{16,64}$`)

func (s adapterSignIn) Valid() error {
	if s.State != "" && !stateForm.MatchString(s.State) {
		return whaley.Errorf(whaley.Invalid, "sign_in_state_invalid", "state must be what the sign-in page has sent along.")
	}
	return nil
}

// AdapterSignIn makes the address that signs a browser in here whose account in CTFd the plugin knows. The code in it
// is behind the "#", which reaches no server's log, and of use only to the browser that has gone to CTFd with the
// state.
func (a Handlers) AdapterSignIn(w http.ResponseWriter, r *http.Request) error {
	account, shown, err := a.AdapterOf(r)
	if err == nil && !shown {
		err = kit.ErrAdapter
	}
	if err != nil {
		return err
	}
	s, err := kit.Decode[adapterSignIn](w, r)
	if err != nil {
		return err
	}
	to := a.Opts.Dashboard.String() + "/login"
	if s.State != "" {
		code, err := a.Tickets.Handover(account, s.State)
		if err != nil {
			return err
		}
		to += "#" + url.Values{"handover": {code}, "state": {s.State}}.Encode()
	}
	return kit.Write(w, http.StatusOK, map[string]string{"url": to})
}

// adapterNews is what happened in CTFd.
type adapterNews struct {
	Lost   int            `json:"lost"` // events that the plugin could not keep
	Events []adapterEvent `json:"events"`
}

func (n adapterNews) Valid() error {
	for _, e := range n.Events {
		switch e.Type {
		case "submission", "user", "team", "event":
		default:
			return whaley.Errorf(whaley.Invalid, "event_type_invalid", "type must be submission, user, team or event.")
		}
	}
	return nil
}

type adapterEvent struct {
	Type string `json:"type"`
	ID   int    `json:"id"` // of the submission, user or team; 0: of a submission that CTFd does not keep

	Challenge int       `json:"challenge_id"`
	User      int       `json:"user_id"`
	Team      int       `json:"team_id"`
	Provided  string    `json:"provided"`
	Verdict   string    `json:"verdict"` // correct, incorrect …
	Address   string    `json:"ip"`
	At        time.Time `json:"date"`

	Name   string `json:"name"`
	Banned bool   `json:"banned"`
	Admin  bool   `json:"admin"`
	Gone   bool   `json:"gone"`
}

// AdapterEvents takes what the plugin tells, so that nothing has to be asked for first. What is not told, or told to
// another sidecar, is found when CTFd is read the next time.
func (a Handlers) AdapterEvents(w http.ResponseWriter, r *http.Request) error {
	if err := a.asAdapter(r); err != nil {
		return err
	}
	news, err := kit.Decode[adapterNews](w, r)
	if err != nil {
		return err
	}
	var some []whaley.Submission
	for _, e := range news.Events {
		switch e.Type {
		case "submission":
			some = append(some, whaley.Submission{
				ID: e.ID, Challenge: e.Challenge, User: e.User, Team: e.Team, Provided: e.Provided, Type: e.Verdict,
				Address: e.Address, At: e.At.UTC(),
			})
		case "user":
			a.Players.ToldOfAccount(
				whaley.Account{ID: e.ID, Name: e.Name, Team: e.Team, Admin: e.Admin, Banned: e.Banned}, e.Gone,
			)
		case "team":
			a.Players.ToldOfTeam(whaley.Team{ID: e.ID, Name: e.Name, Banned: e.Banned}, e.Gone)
		case "event":
			if a.Opening != nil {
				a.Opening()
			}
		}
	}
	if err := a.Cheating.Told(r.Context(), some, news.Lost > 0); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
