package admin

import (
	"net/http"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/connect"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type flagStateJSON struct {
	DynamicFlags bool            `json:"dynamic_flags"` // any challenge has them
	CTFd         bool            `json:"ctfd"`
	Flags        int             `json:"flags"`
	Owners       int             `json:"owners"`
	Retired      int             `json:"retired"`
	Registration map[string]int  `json:"registrations"`
	Mappings     []mappingJSON   `json:"mappings"`
	Unmapped     []string        `json:"unmapped"`
	Doubtful     []string        `json:"doubtful"`
	Suspicious   suspiciousCount `json:"suspicious"`
	LastCheck    lastCheckJSON   `json:"last_check"`
}

type suspiciousCount struct {
	Total int `json:"total"`
	Open  int `json:"open"`
}

type lastCheckJSON struct {
	CheckedAt   *time.Time `json:"checked_at"`
	TriedAt     *time.Time `json:"tried_at"`
	FullAt      *time.Time `json:"full_at"`
	Submissions int        `json:"submissions"`
	Requests    int        `json:"requests"`
	Problem     string     `json:"problem"`
}

type mappingJSON struct {
	Challenge     string    `json:"local_challenge_id"`
	Part          string    `json:"part"` // of the challenge's flags only that one; empty: all others
	CTFdChallenge int       `json:"ctfd_challenge_id"`
	CTFdName      string    `json:"ctfd_name"`
	CreatedAt     time.Time `json:"created_at"`
}

type issuedFlagJSON struct {
	ID            string             `json:"id"`
	Challenge     string             `json:"challenge_id"`
	Part          string             `json:"part"`      // which of the challenge's flags; empty: the first
	PartName      string             `json:"part_name"` // what instance.toml calls it now
	Owner         kit.OwnerJSON      `json:"owner"`
	Value         string             `json:"value"`
	State         string             `json:"state"`
	CreatedAt     time.Time          `json:"created_at"`
	RetiredAt     *time.Time         `json:"retired_at"`
	RetiredBy     string             `json:"retired_by"`
	RetiredWhy    string             `json:"retired_why"`
	Registrations []registrationJSON `json:"registrations"`
}

type registrationJSON struct {
	CTFdChallenge int       `json:"ctfd_challenge_id"`
	CTFdFlag      int       `json:"ctfd_flag_id"`
	State         string    `json:"state"`
	Tries         int       `json:"tries"`
	Reason        string    `json:"reason"`
	ChangedAt     time.Time `json:"changed_at"`
}

func mapping(m *whaley.Mapping) mappingJSON {
	return mappingJSON{m.Challenge, m.Part, m.CTFdChallenge, m.CTFdName, m.CreatedAt}
}

func (a Handlers) issuedFlag(f *whaley.IssuedFlag) issuedFlagJSON {
	j := issuedFlagJSON{
		ID: f.ID, Challenge: f.Challenge, Part: f.Part, PartName: f.Part, Owner: kit.OwnerJSON{ID: f.Owner.ID, Name: f.Owner.Name}, Value: f.Value,
		State:     string(flag.StateOf(f)),
		CreatedAt: f.CreatedAt, RetiredAt: kit.Moment(f.RetiredAt), RetiredBy: f.RetiredBy, RetiredWhy: f.RetiredWhy,
		Registrations: []registrationJSON{},
	}
	if ch, ok := a.Challenges.Get(f.Challenge); ok && f.Part == "" {
		j.PartName = ch.Flag.Name
	}
	for _, r := range f.Registrations {
		j.Registrations = append(
			j.Registrations, registrationJSON{r.CTFdChallenge, r.CTFdFlag, string(r.State), r.Tries, r.Reason, r.ChangedAt},
		)
	}
	return j
}

// FlagStats is how it stands with flags as a whole.
func (a Handlers) FlagStats(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	totals, err := a.Flags.Totals(ctx)
	if err != nil {
		return err
	}
	mappings, err := a.Flags.Mappings(ctx)
	if err != nil {
		return err
	}
	scan, err := a.Cheating.LastCheck(ctx)
	if err != nil {
		return err
	}
	j := flagStateJSON{
		CTFd: a.Flags.InCTFd(), Flags: totals.Current, Owners: totals.Owners, Retired: totals.Retired,
		Registration: map[string]int{},
		Mappings:     []mappingJSON{}, Doubtful: []string{},
		LastCheck: lastCheckJSON{
			CheckedAt: kit.Moment(scan.CheckedAt), TriedAt: kit.Moment(scan.TriedAt), FullAt: kit.Moment(scan.FullAt),
			Submissions: scan.Total,
			Requests:    scan.Requests, Problem: scan.Problem,
		},
	}
	if j.Suspicious.Total, err = a.Cheating.CountSuspicions(ctx, whaley.SuspicionFilter{}); err != nil {
		return err
	}
	if j.Suspicious.Open, err = a.Cheating.CountSuspicions(ctx, whaley.SuspicionFilter{Review: whaley.ReviewOpen}); err != nil {
		return err
	}
	for state, n := range totals.Registrations {
		j.Registration[string(state)] = n
	}
	for _, m := range mappings {
		j.Mappings = append(j.Mappings, mapping(m))
	}
	if j.Unmapped, err = a.Flags.Unmapped(ctx); err != nil {
		return err
	}
	if a.Connection != nil {
		now := a.Connection.Standing()
		for _, m := range mappings {
			if now.LinkOf(m).State == connect.LinkGone {
				j.Doubtful = append(j.Doubtful, m.Challenge)
			}
		}
	}
	for _, ch := range a.Challenges.All() {
		j.DynamicFlags = j.DynamicFlags || ch.Flag.Dynamic
	}
	return kit.Write(w, http.StatusOK, j)
}

// flagFilter reads which flags a request is about.
func flagFilter(r *http.Request) (whaley.FlagFilter, error) {
	f := whaley.FlagFilter{Retired: r.URL.Query().Get("history") == "true"}
	var state string
	err := kit.TextParams(r, map[string]*string{"challenge": &f.Challenge, "owner": &f.Owner, "state": &state})
	f.State = whaley.RegistrationState(state)
	return f, err
}

// ListFlags answers GET /admin/api/flags/mappings.
func (a Handlers) ListFlags(w http.ResponseWriter, r *http.Request) error {
	page, err := kit.PageOf(r)
	if err != nil {
		return err
	}
	f, err := flagFilter(r)
	if err != nil {
		return err
	}
	found, err := a.Flags.List(r.Context(), f, page.After, page.Limit+1)
	if err != nil {
		return err
	}
	all, next := kit.PartOf(found, page.Limit, func(f *whaley.IssuedFlag) string { return f.ID }, a.issuedFlag)
	return kit.Write(w, http.StatusOK, map[string]any{"flags": all, "next": next})
}

// DeleteFlag answers DELETE /admin/api/flags/{id}.
func (a Handlers) DeleteFlag(w http.ResponseWriter, r *http.Request) error {
	tell(r, whaley.Event{Type: "admin_flag_delete"})
	f, err := a.Flags.Delete(r.Context(), kit.IDOf(r), adminOf(r))
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, a.issuedFlag(f))
}

// RotateFlag answers POST /admin/api/flags/{id}/rotate.
func (a Handlers) RotateFlag(w http.ResponseWriter, r *http.Request) error {
	tell(r, whaley.Event{Type: "admin_flag_rotate"})
	f, err := a.Flags.Rotate(r.Context(), kit.IDOf(r), adminOf(r))
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, a.issuedFlag(f))
}

// DeleteFlagsOf answers DELETE /admin/api/flags/user/{id}.
func (a Handlers) DeleteFlagsOf(w http.ResponseWriter, r *http.Request) error {
	tell(r, whaley.Event{Type: "admin_flag_delete"})
	n, err := a.Flags.DeleteOf(r.Context(), kit.IDOf(r), adminOf(r))
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, map[string]int{"deleted": n})
}
