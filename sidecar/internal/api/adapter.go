package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Whaley's plugin in CTFd shows its key, and for whom it asks: who is signed in there.
const (
	adapterScheme  = "Adapter"
	adapterAccount = "X-Whaley-Account"
	adapterAddress = "X-Whaley-Address"
)

// adapterOf is the account that the plugin asks for; not shown: it is not the plugin.
func (a *API) adapterOf(r *http.Request) (account int, shown bool, err error) {
	if shown, err = a.isAdapter(r); !shown || err != nil {
		return 0, shown, err
	}
	account, err = strconv.Atoi(r.Header.Get(adapterAccount))
	if err != nil || account < 1 {
		return 0, true, whaley.Errorf(
			whaley.Invalid, "account_invalid", "%s must be the number of an account of CTFd.", adapterAccount,
		)
	}
	return account, true, nil
}

// isAdapter says whether a request shows a key of the plugin's, and refuses a wrong one, which counts as an attempt.
func (a *API) isAdapter(r *http.Request) (shown bool, err error) {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, adapterScheme) {
		return false, nil
	}
	got, want := sha256.Sum256([]byte(key)), sha256.Sum256([]byte(a.opts.AdapterKey))
	if a.opts.AdapterKey != "" && a.Players != nil && subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
		return true, nil
	}
	if err := a.limit(r, "adapter", a.opts.Limits().Attempts); err != nil {
		return true, err
	}
	return true, errAdapter
}

var errAdapter = whaley.Errorf(
	whaley.Unauthorized, "adapter_refused", "The plugin's key is missing or not ADAPTER_KEY.",
)

// byAccount is the player of an account. Where they are is what the plugin says: CTFd is where the request comes from.
func (a *API) byAccount(r *http.Request, account int) (whaley.Player, error) {
	p, err := a.Players.ByAccount(r.Context(), account)
	if err != nil {
		return whaley.Player{}, err
	}
	if from, err := netip.ParseAddr(r.Header.Get(adapterAddress)); err == nil {
		p.Address = from.Unmap().WithZone("").String()
	}
	return p, nil
}

// asAdapter refuses all but the plugin.
func (a *API) asAdapter(r *http.Request) error {
	shown, err := a.isAdapter(r)
	if err == nil && !shown {
		return errAdapter
	}
	return err
}

type adapterChallengeJSON struct {
	ID     string `json:"id"`
	InCTFd int    `json:"ctfd_challenge_id"`
	Part   string `json:"part"` // of the challenge; empty: the whole, or the first
}

// adapterChallenges says which challenges of CTFd are which here.
func (a *API) adapterChallenges(w http.ResponseWriter, r *http.Request) error {
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
	return write(w, http.StatusOK, map[string]any{"challenges": all})
}

// adapterNews is what happened in CTFd.
type adapterNews struct {
	Lost   int            `json:"lost"` // events that the plugin could not keep
	Events []adapterEvent `json:"events"`
}

func (n adapterNews) valid() error {
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

// adapterEvents takes what the plugin tells, so that nothing has to be asked for first. What is not told, or told to
// another sidecar, is found when CTFd is read the next time.
func (a *API) adapterEvents(w http.ResponseWriter, r *http.Request) error {
	if err := a.asAdapter(r); err != nil {
		return err
	}
	news, err := decode[adapterNews](w, r)
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
