package api

import (
	"net/http"
	"time"
)

type revisionJSON struct {
	Revision  string    `json:"revision"`
	LoadedAt  time.Time `json:"loaded_at"`
	Current   bool      `json:"current"` // new instances are made of it
	Live      int       `json:"live"`
	Instances int       `json:"instances"`
}

// listRevisions answers which revisions a challenge had, and which of them instances have.
func (a *API) listRevisions(w http.ResponseWriter, r *http.Request) error {
	page, err := pageOf(r)
	if err != nil {
		return err
	}
	e, err := a.Library.Find(idOf(r))
	if err != nil {
		return err
	}
	revisions, next, err := a.Books.Revisions(r.Context(), e.ID, page.After, page.Limit)
	if err != nil {
		return err
	}
	all := []revisionJSON{}
	for n, rev := range revisions {
		current := n == 0 && page.After == "" && e.Loaded != nil && e.Loaded.Revision == rev.Revision
		all = append(all, revisionJSON{rev.Revision, rev.LoadedAt, current, rev.Live, rev.Instances})
	}
	return write(w, http.StatusOK, map[string]any{"revisions": all, "next": next})
}
