package challenge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// draftFile is what is written down of a draft beside its folder.
type draftFile struct {
	ID     string    `json:"id"`
	Folder string    `json:"folder"`
	Base   string    `json:"base"` // the revision of the challenge's folder when it was begun; empty: there was none
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

const draftSuffix = ".json"

func inRoot(dir string, do func(root *os.Root) error) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return draftUnreachable(err)
	}
	defer root.Close()
	return do(root)
}

// draftRoom is where a draft's folder lies: an id may be what no folder can be called.
func (l *Library) draftRoom(id string) string {
	sum := sha256.Sum256([]byte(id))
	return filepath.Join(l.drafts, hex.EncodeToString(sum[:8]))
}

func (l *Library) draftDir(id, folder string) string { return filepath.Join(l.draftRoom(id), folder) }

// beginDraft copies a challenge's folder. There is no draft until it is written down.
func (l *Library) beginDraft(ctx context.Context, id string) (draftFile, error) {
	e, err := l.Find(id)
	if err != nil {
		return draftFile{}, err
	}
	about := draftFile{ID: id, Folder: filepath.Base(e.Folder)}
	if err := os.RemoveAll(l.draftRoom(id)); err != nil { // of one that was not begun to the end
		return about, draftUnreachable(err)
	}
	from := filepath.Join(l.dir, e.Folder)
	if about.Base, err = revisionOf(ctx, from); err != nil {
		return about, unreachable(err)
	}
	if err := CopyFolder(ctx, from, l.draftDir(id, about.Folder)); err != nil {
		return about, draftUnreachable(errors.Join(err, os.RemoveAll(l.draftRoom(id))))
	}
	return about, nil
}

func (l *Library) readDraft(id string) (about draftFile, begun bool, err error) {
	if l.drafts == "" {
		return about, false, nil
	}
	about, err = readDraftFile(l.draftRoom(id) + draftSuffix)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return about, false, nil
	case err != nil:
		return about, false, draftUnreachable(err)
	}
	return about, true, nil
}

func readDraftFile(path string) (about draftFile, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return about, err
	}
	if err := json.Unmarshal(text, &about); err != nil {
		return about, fmt.Errorf("read %s: %w", path, err)
	}
	return about, nil
}

func (l *Library) writeDraft(id, by string, about draftFile) error {
	about.By, about.At = by, time.Now().UTC()
	text, err := json.Marshal(about)
	if err == nil {
		beside := l.draftRoom(id) + ".new"
		if err = os.WriteFile(beside, text, 0o600); err == nil {
			err = os.Rename(beside, l.draftRoom(id)+draftSuffix)
		}
	}
	if err != nil {
		return draftUnreachable(err)
	}
	return nil
}

// removeDraft removes first what says that there is one.
func (l *Library) removeDraft(id string) error {
	err := os.Remove(l.draftRoom(id) + draftSuffix)
	if err == nil {
		err = os.RemoveAll(l.draftRoom(id))
	}
	if err != nil {
		return draftUnreachable(err)
	}
	return nil
}

func noDraft(id string) error {
	return whaley.Errorf(whaley.NotFound, "draft_not_found", "There is no draft of %q.", id)
}

func draftUnreachable(err error) error {
	return whaley.Errorf(whaley.Unavailable, "drafts_unwritable",
		"The drafts in DATA_DIR cannot be read or written. Has the sidecar the right to, and is there space?").Because(err)
}
