package admin

import (
	"net/http"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// draftJSON is a draft as it is now.
type draftJSON struct {
	ID       string                `json:"id"` // of the challenge that it is of, or is to become
	Folder   string                `json:"folder"`
	Name     string                `json:"name"`
	Begun    bool                  `json:"begun"`  // false: nothing was edited yet
	Exists   bool                  `json:"exists"` // there is such a challenge
	Stale    bool                  `json:"stale"`  // that was changed since the draft was begun
	Solver   bool                  `json:"solver"` // trying it solves it too
	By       string                `json:"by"`
	At       *time.Time            `json:"at"`
	Problems []kit.FileProblemJSON `json:"problems"`
	Notes    []kit.FileProblemJSON `json:"notes"`
}

func draftOf(d challenge.Draft) draftJSON {
	j := draftJSON{
		ID: d.ID, Folder: d.Folder, Name: d.ID, Begun: d.Begun, Exists: d.Exists, Stale: d.Stale, By: d.By,
		At: kit.Moment(d.At), Problems: kit.FileProblems(d.Problems), Notes: kit.FileProblems(d.Notes),
	}
	if d.Loaded != nil {
		j.Name, j.Solver = d.Loaded.Name, d.Loaded.Solver != nil
	}
	return j
}

// ListDrafts answers GET /admin/api/drafts.
func (a Handlers) ListDrafts(w http.ResponseWriter, r *http.Request) error {
	all, err := a.Library.Drafts(r.Context())
	if err != nil {
		return err
	}
	drafts := []draftJSON{}
	for _, d := range all {
		drafts = append(drafts, draftOf(d))
	}
	return kit.Write(w, http.StatusOK, map[string]any{"drafts": drafts})
}

// UploadDraft makes a draft of a zip, whatever is wrong with what is in it.
func (a Handlers) UploadDraft(w http.ResponseWriter, r *http.Request) error {
	archive, err := receive(r)
	if err != nil {
		return err
	}
	defer func() { _ = archive.close() }() // it was read only
	d, err := a.Library.UploadDraft(r.Context(), archive.Archive, adminOf(r))
	if err != nil {
		return err
	}
	a.audit(r, whaley.Event{Type: "admin_draft", Challenge: d.ID, Message: "draft uploaded"})
	return kit.Write(w, http.StatusCreated, draftOf(d))
}

// GetDraft answers GET /admin/api/drafts/{id}.
func (a Handlers) GetDraft(w http.ResponseWriter, r *http.Request) error {
	d, err := a.Library.Draft(r.Context(), kit.IDOf(r))
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, draftOf(d))
}

// DiscardDraft removes a draft and what is tried of it.
func (a Handlers) DiscardDraft(w http.ResponseWriter, r *http.Request) error {
	id := kit.IDOf(r)
	if err := a.Library.DiscardDraft(id); err != nil {
		return err
	}
	a.endTrial(r, id)
	a.audit(r, whaley.Event{Type: "admin_draft", Challenge: id, Message: "draft discarded"})
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// CompareDraft answers how a draft differs from the challenge's folder, and from which revision of that.
func (a Handlers) CompareDraft(w http.ResponseWriter, r *http.Request) error {
	changes, over, err := a.Library.DraftChanges(r.Context(), kit.IDOf(r))
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, struct {
		changesJSON
		Over string `json:"over"` // what publishing has to name; empty: there is no such challenge yet
	}{changesOf(changes), over})
}

type publishRequest struct {
	Over   string `json:"over"`   // the revision that the draft was compared with
	Anyway bool   `json:"anyway"` // also with problems: players go on with the last good revision
}

func (publishRequest) Valid() error { return nil }

// PublishDraft answers POST /admin/api/drafts/{id}/publish.
func (a Handlers) PublishDraft(w http.ResponseWriter, r *http.Request) error {
	request, err := kit.Decode[publishRequest](w, r)
	if err != nil {
		return err
	}
	id := kit.IDOf(r)
	e, err := a.Library.PublishDraft(r.Context(), id, adminOf(r), request.Over, request.Anyway)
	if err != nil {
		return withProblems(err)
	}
	a.endTrial(r, id)
	message := "draft published"
	if len(e.Problems) > 0 {
		message += " with problems"
	}
	a.audit(r, whaley.Event{Type: "admin_challenge_edit", Challenge: e.ID, Message: message})
	return a.answerEntry(w, r, http.StatusOK, e)
}
