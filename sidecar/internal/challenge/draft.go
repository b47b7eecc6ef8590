package challenge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Draft is a challenge as an organiser would like to have it: a copy of its folder, or the files of an archive, which
// players see nothing of until it is published.
type Draft struct {
	ID       string            // of the challenge that it is of, or is to become
	Folder   string            // the last part of the challenge's folder
	Begun    bool              // false: there is none yet, and all this is of the challenge's own folder
	Exists   bool              // there is a challenge that it takes the place of
	Stale    bool              // the challenge's folder was changed since the draft was begun
	By       string            // who edited it last
	At       time.Time         // when
	Loaded   *whaley.Challenge // nil: it has problems
	Problems []Problem         // their files are relative to what Folder is in
	Notes    []Problem
}

// KeepDrafts has organisers' drafts kept in a folder.
func (l *Library) KeepDrafts(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	l.drafts = dir
	return os.MkdirAll(dir, 0o700)
}

// Drafts are all that were begun, by their ids.
func (l *Library) Drafts(ctx context.Context) ([]Draft, error) {
	l.drafting.Lock()
	defer l.drafting.Unlock()
	entries, err := os.ReadDir(l.drafts)
	if err != nil {
		return nil, draftUnreachable(err)
	}
	var all []Draft
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), draftSuffix) {
			continue
		}
		about, err := readDraftFile(filepath.Join(l.drafts, e.Name()))
		if err != nil {
			return nil, draftUnreachable(err)
		}
		d, err := l.draft(ctx, about.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b Draft) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// Draft is a challenge's draft as it is now; where none was begun, what one would begin with.
func (l *Library) Draft(ctx context.Context, id string) (Draft, error) {
	l.drafting.Lock()
	defer l.drafting.Unlock()
	return l.draft(ctx, id)
}

// draft reads and loads a draft; drafting is locked.
func (l *Library) draft(ctx context.Context, id string) (Draft, error) {
	about, begun, err := l.readDraft(id)
	if err != nil {
		return Draft{}, err
	}
	e, missing := l.Find(id)
	if missing != nil && !begun {
		return Draft{}, missing
	}
	d := Draft{ID: id, Folder: about.Folder, Begun: begun, Exists: missing == nil, By: about.By, At: about.At}
	dir := l.draftDir(id, about.Folder)
	if !begun {
		d.Folder, dir = filepath.Base(e.Folder), filepath.Join(l.dir, e.Folder)
	}
	if begun && d.Exists {
		base, err := revisionOf(ctx, filepath.Join(l.dir, e.Folder))
		d.Stale = err != nil || base != about.Base
	}
	var problems []Problem
	d.Loaded, problems = l.check(ctx, dir)
	if d.Loaded != nil {
		notes := Problems(notesOf(d.Loaded))
		tellFlagless(d.Loaded, d.Folder, *l.defaults.Load(), &notes)
		problems = notes
		if other, taken := l.Get(d.Loaded.ID); taken && (!d.Exists || d.Loaded.ID != e.ID) && other.Of == "" {
			problems = append(problems, Problem{
				File: d.Folder + "/" + definitionFile, Line: idLine(dir), Key: "id",
				Text: fmt.Sprintf("%q is the id of another challenge already; every challenge needs its own", d.Loaded.ID),
			})
			d.Loaded = nil
		}
	}
	d.Problems, d.Notes = Split(problems)
	return d, nil
}

// check loads a folder where it lies.
func (l *Library) check(ctx context.Context, dir string) (ch *whaley.Challenge, problems []Problem) {
	defer func() {
		if p := recover(); p != nil { // a fault of ours or of a parser's, which is this draft's trouble only
			ch, problems = nil, []Problem{{File: filepath.Base(dir), Text: fmt.Sprintf("cannot be read: %v", p)}}
		}
	}()
	ch, err := Load(ctx, dir, *l.defaults.Load())
	if err != nil {
		return nil, err.(Problems) // Load promises it
	}
	return ch, nil
}

// ViewDraft opens the folder of a draft for looking, or of the challenge where none was begun.
func (l *Library) ViewDraft(id string, look func(root *os.Root) error) error {
	l.drafting.Lock()
	defer l.drafting.Unlock()
	about, begun, err := l.readDraft(id)
	switch {
	case err != nil:
		return err
	case !begun:
		return l.View(id, look)
	}
	return inRoot(l.draftDir(id, about.Folder), look)
}

// EditDraft changes something in a draft. The first change begins it: with a copy of the challenge's folder.
func (l *Library) EditDraft(ctx context.Context, id, by string, change func(root *os.Root) error) (Draft, error) {
	l.drafting.Lock()
	defer l.drafting.Unlock()
	about, begun, err := l.readDraft(id)
	if err != nil {
		return Draft{}, err
	}
	if !begun {
		if about, err = l.beginDraft(ctx, id); err != nil {
			return Draft{}, err
		}
	}
	if err := inRoot(l.draftDir(id, about.Folder), change); err != nil {
		if !begun { // nothing was edited
			err = errors.Join(err, os.RemoveAll(l.draftRoom(id)))
		}
		return Draft{}, err
	}
	if err := l.writeDraft(id, by, about); err != nil {
		return Draft{}, err
	}
	return l.draft(ctx, id)
}

// DiscardDraft removes a draft; the challenge that it is of stays as it is.
func (l *Library) DiscardDraft(id string) error {
	l.drafting.Lock()
	defer l.drafting.Unlock()
	if _, begun, err := l.readDraft(id); err != nil || !begun {
		return errors.Join(err, noDraft(id))
	}
	return l.removeDraft(id)
}
