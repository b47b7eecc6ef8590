package admin

import (
	"fmt"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type suspicionJSON struct {
	ID            string                  `json:"id"`
	Kind          string                  `json:"kind"`
	Score         int                     `json:"score"`
	Reasons       []whaley.Reason         `json:"reasons"`
	Challenge     string                  `json:"challenge_id"`
	CTFdChallenge int                     `json:"ctfd_challenge_id"`
	Submitter     partyJSON               `json:"submitter"`
	FlagOwner     *partyJSON              `json:"flag_owner"`
	Flag          string                  `json:"flag_id"`
	Submissions   []whaley.SubmissionCopy `json:"submissions"`
	Review        string                  `json:"review"`
	Note          string                  `json:"note"`
	ReviewedBy    string                  `json:"reviewed_by"`
	ReviewedAt    *time.Time              `json:"reviewed_at"`
	FoundAt       time.Time               `json:"found_at"`
}

type partyJSON struct {
	Owner     kit.OwnerJSON           `json:"owner"`
	User      int                     `json:"ctfd_user_id"`
	UserName  string                  `json:"ctfd_user_name"`
	Instances []whaley.InstanceRecord `json:"instances"`
}

func party(p whaley.Party) partyJSON {
	j := partyJSON{kit.OwnerJSON{ID: p.OwnerID, Name: p.OwnerName}, p.User, p.UserName, p.Instances}
	if j.Instances == nil {
		j.Instances = []whaley.InstanceRecord{}
	}
	return j
}

func suspicion(s *whaley.Suspicion) suspicionJSON {
	j := suspicionJSON{
		ID: s.ID, Kind: string(s.Kind), Score: s.Score, Reasons: s.Reasons, Challenge: s.Challenge,
		CTFdChallenge: s.CTFdChallenge,
		Submitter:     party(s.Submitter), Flag: s.Flag, Submissions: s.Submissions, Review: string(s.Review), Note: s.Note,
		ReviewedBy: s.ReviewedBy, ReviewedAt: kit.Moment(s.ReviewedAt), FoundAt: s.FoundAt,
	}
	if s.Owner != nil {
		owner := party(*s.Owner)
		j.FlagOwner = &owner
	}
	return j
}

// suspicionFilter reads which entries of the review list a request is about.
func suspicionFilter(r *http.Request) (whaley.SuspicionFilter, error) {
	f := whaley.SuspicionFilter{Cleared: r.URL.Query().Get("cleared") == "true"}
	var kind, review string
	err := kit.TextParams(
		r, map[string]*string{"kind": &kind, "review": &review, "challenge": &f.Challenge, "owner": &f.Owner},
	)
	f.Kind, f.Review = whaley.SuspicionKind(kind), whaley.ReviewState(review)
	return f, err
}

// ListSuspicious answers GET /admin/api/flags/suspicious.
func (a Handlers) ListSuspicious(w http.ResponseWriter, r *http.Request) error {
	page, err := kit.PageOf(r)
	if err != nil {
		return err
	}
	f, err := suspicionFilter(r)
	if err != nil {
		return err
	}
	found, err := a.Cheating.Suspicions(r.Context(), f, page.After, page.Limit+1)
	if err != nil {
		return err
	}
	all, next := kit.PartOf(found, page.Limit, func(s *whaley.Suspicion) string { return s.ID }, suspicion)
	return kit.Write(w, http.StatusOK, map[string]any{"suspicious": all, "next": next})
}

// ClearSuspicious answers DELETE /admin/api/flags/suspicious.
func (a Handlers) ClearSuspicious(w http.ResponseWriter, r *http.Request) error {
	tell(r, whaley.Event{Type: "admin_suspicious_clear"})
	n, err := a.Cheating.ClearSuspicions(r.Context())
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, map[string]int{"cleared": n})
}

// maxNote is how long a note of a review may be, in characters.
const maxNote = 2000

type reviewRequest struct {
	Review string `json:"review"`
	Note   string `json:"note"`
}

func (q reviewRequest) Valid() error {
	if !slices.Contains(
		[]whaley.ReviewState{whaley.ReviewOpen, whaley.ReviewDismissed, whaley.ReviewConfirmed}, whaley.ReviewState(q.Review),
	) {
		return whaley.Errorf(whaley.Invalid, "review_invalid", "review must be open, dismissed or confirmed.")
	}
	if utf8.RuneCountInString(q.Note) > maxNote {
		return whaley.Errorf(whaley.Invalid, "note_invalid", "note must have at most %d characters.", maxNote)
	}
	return nil
}

// ReviewSuspicious answers PATCH /admin/api/flags/suspicious/{id}.
func (a Handlers) ReviewSuspicious(w http.ResponseWriter, r *http.Request) error {
	body, err := kit.Decode[reviewRequest](w, r)
	if err != nil {
		return err
	}
	tell(r, whaley.Event{Type: "admin_suspicious_review"})
	s, err := a.Cheating.Review(r.Context(), kit.IDOf(r), whaley.ReviewState(body.Review), body.Note, adminOf(r))
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, suspicion(s))
}

// CheckSubmissions answers POST /admin/api/flags/check-submissions.
func (a Handlers) CheckSubmissions(w http.ResponseWriter, r *http.Request) error {
	full := r.URL.Query().Get("full_scan") == "true"
	check, err := a.Cheating.CheckSubmissions(r.Context(), full)
	if err != nil {
		return err
	}
	a.audit(r, whaley.Event{
		Type:    "admin_check_submissions",
		Message: fmt.Sprintf("read %d submissions, %d new suspicions", check.Examined, len(check.Found)),
	})
	found := []suspicionJSON{}
	for _, s := range check.Found {
		found = append(found, suspicion(s))
	}
	return kit.Write(w, http.StatusOK, map[string]any{
		"full_scan": check.Full, "examined": check.Examined, "submissions": check.Total, "requests": check.Requests,
		"took_ms": check.Took.Milliseconds(), "new_suspicious_count": len(found), "new_suspicious": found,
	})
}
