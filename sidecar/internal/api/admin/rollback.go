package admin

import (
	"context"
	"net/http"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// RollBack puts an earlier revision back into a challenge's folder.
func (a Handlers) RollBack(w http.ResponseWriter, r *http.Request) error {
	revision := r.PathValue("revision")
	tell(r, whaley.Event{
		Type: "admin_challenge_rollback", Challenge: kit.IDOf(r), Message: "rolled back to revision " + revision,
	})
	e, err := a.Library.RollBack(r.Context(), kit.IDOf(r), revision, adminOf(r))
	if err != nil {
		return withProblems(err)
	}
	return a.answerEntry(w, r, http.StatusOK, e)
}

// DownloadChallenge answers with a challenge as a zip: what its folder holds, or with ?revision= an earlier one.
func (a Handlers) DownloadChallenge(w http.ResponseWriter, r *http.Request) error {
	revision, err := kit.TextParam(r, "revision")
	if err != nil {
		return err
	}
	e, err := a.Library.Find(kit.IDOf(r))
	if err != nil {
		return err
	}
	name := e.ID
	if revision != "" {
		name += "-" + revision
	}
	answer := func(dir string) error {
		w.Header().Set("Content-Type", "application/zip")
		w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.zip"`) // made of what ids are made of
		if err := files.Zip(context.WithoutCancel(r.Context()), dir, e.ID, w); err != nil {
			a.Log.Warn("challenge download cut short", "challenge", e.ID, "revision", revision, "err", err)
			panic(http.ErrAbortHandler) // the answer has begun: what is cut off must not look whole
		}
		return nil
	}
	if revision == "" {
		return a.Library.ViewFolder(e, answer)
	}
	return a.Library.ViewRevision(e.ID, revision, answer)
}
