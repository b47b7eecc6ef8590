package admin

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// The two ways in which a file's bytes are written in JSON.
const (
	plainText  = "utf-8"
	inBase64   = "base64"
	maxInBody  = 2*files.MaxContent + 64<<10 // bytes of a request with a file in it
	folderKind = "folder"
)

type entryJSON struct {
	Path     string    `json:"path"`
	Kind     string    `json:"kind"`
	Size     int64     `json:"size"` // bytes
	Modified time.Time `json:"modified"`
}

type fileJSON struct {
	Path     string    `json:"path"`
	Content  string    `json:"content"`
	Encoding string    `json:"encoding"`
	Tag      string    `json:"tag"`
	Size     int       `json:"size"` // bytes
	Modified time.Time `json:"modified"`
}

// changedJSON is what an edit led to.
type changedJSON struct {
	Path      string             `json:"path"`
	Tag       string             `json:"tag"` // of the file as it is now; empty: it is no file, or gone
	Challenge adminChallengeJSON `json:"challenge"`
}

// fileRequest is a file to be written. Kind matters for new ones only.
type fileRequest struct {
	Content  string `json:"content"`
	Encoding string `json:"encoding"`
	Kind     string `json:"kind"`
	Tag      string `json:"tag"`
}

func (f fileRequest) bytes() ([]byte, error) {
	switch f.Encoding {
	case "", plainText:
		return []byte(f.Content), nil
	case inBase64:
		if text, err := base64.StdEncoding.DecodeString(f.Content); err == nil {
			return text, nil
		}
	}
	return nil, whaley.Errorf(
		whaley.Invalid, "encoding_invalid", "encoding must be utf-8 or base64, and content must be in it.",
	)
}

// decodeFile is decode with room for a file.
func decodeFile(w http.ResponseWriter, r *http.Request) (fileRequest, error) {
	var f fileRequest
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxInBody))
	body.DisallowUnknownFields()
	if err := body.Decode(&f); err != nil {
		return f, whaley.Errorf(
			whaley.Invalid, "body_invalid", "The body is not the JSON that is wanted here: %s.", kit.Explain(err),
		)
	}
	if _, err := body.Token(); !errors.Is(err, io.EOF) {
		return f, whaley.Errorf(whaley.Invalid, "body_invalid", "The body has more than one JSON value.")
	}
	return f, nil
}

// writtenFile is a file to be written, with what is to be in it.
func writtenFile(w http.ResponseWriter, r *http.Request) (f fileRequest, content []byte, err error) {
	if f, err = decodeFile(w, r); err != nil {
		return f, nil, err
	}
	if match := r.Header.Get("If-Match"); match != "" && f.Tag == "" {
		f.Tag = strings.Trim(strings.TrimPrefix(match, "W/"), `"`)
	}
	content, err = f.bytes()
	return f, content, err
}

// viewing opens a folder by the id of what it is of.
type viewing func(id string, look func(root *os.Root) error) error

// ListFiles answers GET /admin/api/challenges/{id}/files.
func (a Handlers) ListFiles(w http.ResponseWriter, r *http.Request) error {
	return a.listFiles(w, r, a.Library.View)
}

func (a Handlers) listFiles(w http.ResponseWriter, r *http.Request, view viewing) error {
	all := []entryJSON{}
	err := view(kit.IDOf(r), func(root *os.Root) error {
		tree, err := files.Tree(root)
		for _, e := range tree {
			all = append(all, entryJSON(e))
		}
		return err
	})
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, map[string]any{"files": all})
}

// ReadFile answers GET /admin/api/challenges/{id}/files/{path}.
func (a Handlers) ReadFile(w http.ResponseWriter, r *http.Request) error {
	return a.readFile(w, r, a.Library.View)
}

func (a Handlers) readFile(w http.ResponseWriter, r *http.Request, view viewing) error {
	name := r.PathValue("path")
	var c files.Content
	err := view(kit.IDOf(r), func(root *os.Root) (err error) {
		c, err = files.Read(root, name)
		return err
	})
	if err != nil {
		return err
	}
	j := fileJSON{
		Path: c.Path, Content: string(c.Bytes), Encoding: plainText, Tag: c.Tag, Size: len(c.Bytes), Modified: c.Modified,
	}
	if !utf8.Valid(c.Bytes) || strings.ContainsRune(j.Content, 0) {
		j.Content, j.Encoding = base64.StdEncoding.EncodeToString(c.Bytes), inBase64
	}
	w.Header().Set("ETag", `"`+c.Tag+`"`)
	return kit.Write(w, http.StatusOK, j)
}

// WriteFile answers PUT /admin/api/challenges/{id}/files/{path}.
func (a Handlers) WriteFile(w http.ResponseWriter, r *http.Request) error {
	f, content, err := writtenFile(w, r)
	if err != nil {
		return err
	}
	return a.edit(w, r, http.StatusOK, "written", files.Tag(content), func(root *os.Root, name string) error {
		return files.Write(root, name, content, f.Tag)
	})
}

// CreateFile answers POST /admin/api/challenges/{id}/files/{path}.
func (a Handlers) CreateFile(w http.ResponseWriter, r *http.Request) error {
	f, content, err := writtenFile(w, r)
	if err != nil {
		return err
	}
	if f.Kind == folderKind {
		return a.edit(w, r, http.StatusCreated, "folder made", "", files.CreateFolder)
	}
	return a.edit(w, r, http.StatusCreated, "created", files.Tag(content), func(root *os.Root, name string) error {
		return files.Create(root, name, content)
	})
}

// DeleteFile answers DELETE /admin/api/challenges/{id}/files/{path}.
func (a Handlers) DeleteFile(w http.ResponseWriter, r *http.Request) error {
	return a.edit(w, r, http.StatusOK, "deleted", "", files.Delete)
}

// edit does one change to a challenge's files. With ?reload=false it is not loaded yet: more changes follow.
func (a Handlers) edit(
	w http.ResponseWriter, r *http.Request, status int, what, tag string, change func(root *os.Root, name string) error,
) error {
	name := r.PathValue("path")
	reload := r.URL.Query().Get("reload") != "false"
	e, err := a.Library.Edit(
		r.Context(), kit.IDOf(r), adminOf(r), reload, func(root *os.Root) error { return change(root, name) },
	)
	if err != nil {
		return err
	}
	a.audit(r, whaley.Event{Type: "admin_challenge_edit", Challenge: e.ID, Message: what + ": " + name})
	a.Instancer.PrepareImages()
	live, err := a.Instancer.LiveCounts(r.Context())
	if err != nil {
		return err
	}
	return kit.Write(w, status, changedJSON{Path: name, Tag: tag, Challenge: a.Challenge(e, live[e.ID])})
}
