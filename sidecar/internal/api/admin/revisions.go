package admin

import (
	"net/http"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type revisionJSON struct {
	Revision  string    `json:"revision"`
	LoadedAt  time.Time `json:"loaded_at"`
	Current   bool      `json:"current"` // new instances are made of it
	Live      int       `json:"live"`
	Instances int       `json:"instances"`
	Origin    string    `json:"origin"`
	By        string    `json:"by"`   // which admin; empty: nobody who is known
	Kept      bool      `json:"kept"` // it can be rolled back to and downloaded
}

type changesJSON struct {
	Files []fileChangeJSON `json:"files"`
	More  int              `json:"more"` // files that differ and are not listed
}

type fileChangeJSON struct {
	Path   string        `json:"path"`
	Change string        `json:"change"`
	Before fileStateJSON `json:"before"`
	After  fileStateJSON `json:"after"`
	Text   bool          `json:"text"`
	Hunks  []hunkJSON    `json:"hunks"`
	Cut    bool          `json:"cut"`
}

type fileStateJSON struct {
	Size int64  `json:"size"` // bytes
	Mode uint32 `json:"mode"`
}

type hunkJSON struct {
	Before int            `json:"before"` // number of the first line
	After  int            `json:"after"`
	Lines  []diffLineJSON `json:"lines"`
}

type diffLineJSON struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// ListRevisions answers which revisions a challenge had, and which of them instances have.
func (a Handlers) ListRevisions(w http.ResponseWriter, r *http.Request) error {
	page, err := kit.PageOf(r)
	if err != nil {
		return err
	}
	e, err := a.Library.Find(kit.IDOf(r))
	if err != nil {
		return err
	}
	revisions, next, err := a.AdminQueries.Revisions(r.Context(), e.ID, page.After, page.Limit)
	if err != nil {
		return err
	}
	all := []revisionJSON{}
	for n, rev := range revisions {
		current := n == 0 && page.After == "" && e.Loaded != nil && e.Loaded.Revision == rev.Revision
		all = append(
			all,
			revisionJSON{
				rev.Revision, rev.LoadedAt, current, rev.Live, rev.Instances, string(rev.Origin), rev.By,
				a.Library.HasRevision(e, rev.Revision),
			},
		)
	}
	return kit.Write(w, http.StatusOK, map[string]any{"revisions": all, "next": next})
}

// CompareRevisions answers how a revision differs from the one named by ?from=, or without that from nothing.
func (a Handlers) CompareRevisions(w http.ResponseWriter, r *http.Request) error {
	e, err := a.Library.Find(kit.IDOf(r))
	if err != nil {
		return err
	}
	var sides [2]string
	for n, revision := range []string{r.URL.Query().Get("from"), r.PathValue("revision")} {
		if n == 0 && revision == "" {
			continue
		}
		if sides[n], err = a.AdminQueries.RevisionFiles(r.Context(), e.ID, revision); err != nil {
			return err
		}
		if sides[n] == "" {
			return whaley.Errorf(whaley.NotFound, "revision_not_kept",
				"What was in revision %q is not kept. It is of the latest 50 revisions of a challenge only, and of none from before Whaley kept it.",
				revision)
		}
	}
	changes, err := challenge.Compare(sides[0], sides[1])
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, changesOf(changes))
}

func changesOf(changes challenge.Changes) changesJSON {
	j := changesJSON{Files: []fileChangeJSON{}, More: changes.More}
	for _, f := range changes.Files {
		file := fileChangeJSON{f.Path, f.Change, fileStateJSON(f.Before), fileStateJSON(f.After), f.Text, []hunkJSON{}, f.Cut}
		for _, h := range f.Hunks {
			hunk := hunkJSON{h.Before, h.After, []diffLineJSON{}}
			for _, l := range h.Lines {
				hunk.Lines = append(hunk.Lines, diffLineJSON(l))
			}
			file.Hunks = append(file.Hunks, hunk)
		}
		j.Files = append(j.Files, file)
	}
	return j
}
