package admin

import (
	"net/http"
	"os"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// draftedJSON is what an edit of a draft led to.
type draftedJSON struct {
	Path  string    `json:"path"`
	Tag   string    `json:"tag"` // of the file as it is now; empty: it is no file, or gone
	Draft draftJSON `json:"draft"`
}

// ListDraftFiles answers GET /admin/api/drafts/{id}/files.
func (a Handlers) ListDraftFiles(w http.ResponseWriter, r *http.Request) error {
	return a.listFiles(w, r, a.Library.ViewDraft)
}

// ReadDraftFile answers GET /admin/api/drafts/{id}/files/{path}.
func (a Handlers) ReadDraftFile(w http.ResponseWriter, r *http.Request) error {
	return a.readFile(w, r, a.Library.ViewDraft)
}

// WriteDraftFile answers PUT /admin/api/drafts/{id}/files/{path}.
func (a Handlers) WriteDraftFile(w http.ResponseWriter, r *http.Request) error {
	f, content, err := writtenFile(w, r)
	if err != nil {
		return err
	}
	return a.editDraft(w, r, http.StatusOK, files.Tag(content), func(root *os.Root, name string) error {
		return files.Write(root, name, content, f.Tag)
	})
}

// CreateDraftFile answers POST /admin/api/drafts/{id}/files/{path}.
func (a Handlers) CreateDraftFile(w http.ResponseWriter, r *http.Request) error {
	f, content, err := writtenFile(w, r)
	if err != nil {
		return err
	}
	if f.Kind == folderKind {
		return a.editDraft(w, r, http.StatusCreated, "", files.CreateFolder)
	}
	return a.editDraft(w, r, http.StatusCreated, files.Tag(content), func(root *os.Root, name string) error {
		return files.Create(root, name, content)
	})
}

// DeleteDraftFile answers DELETE /admin/api/drafts/{id}/files/{path}.
func (a Handlers) DeleteDraftFile(w http.ResponseWriter, r *http.Request) error {
	return a.editDraft(w, r, http.StatusOK, "", files.Delete)
}

// editDraft does one change to a draft. That one was begun is recorded, and what was published of it: in between
// nothing changes for other players.
func (a Handlers) editDraft(
	w http.ResponseWriter, r *http.Request, status int, tag string, change func(root *os.Root, name string) error,
) error {
	id, name, by := kit.IDOf(r), r.PathValue("path"), adminOf(r)
	before, err := a.Library.Draft(r.Context(), id)
	if err != nil {
		return err
	}
	d, err := a.Library.EditDraft(r.Context(), id, by, func(root *os.Root) error { return change(root, name) })
	if err != nil {
		return err
	}
	if !before.Begun {
		a.audit(r, whaley.Event{Type: "admin_draft", Challenge: id, Message: "draft begun"})
	}
	return kit.Write(w, status, draftedJSON{name, tag, draftOf(d)})
}
