package challenge

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// DraftChanges is how a draft differs from what the challenge's folder holds, and the revision of that, which Publish
// wants to be told; it is empty if there is no such challenge.
func (l *Library) DraftChanges(ctx context.Context, id string) (changes Changes, over string, err error) {
	l.drafting.Lock()
	defer l.drafting.Unlock()
	about, begun, err := l.readDraft(id)
	if err != nil {
		return changes, "", err
	}
	e, missing := l.Find(id)
	if !begun {
		return Changes{Files: []FileChange{}}, "", missing
	}
	before := ""
	if missing == nil {
		folder := filepath.Join(l.dir, e.Folder)
		if over, err = revisionOf(ctx, folder); err == nil {
			before, err = contentsOf(ctx, folder)
		}
		if err != nil {
			return changes, "", unreachable(err)
		}
	}
	after, err := contentsOf(ctx, l.draftDir(id, about.Folder))
	if err != nil {
		return changes, "", draftUnreachable(err)
	}
	changes, err = Compare(before, after)
	return changes, over, err
}

// PublishDraft puts a draft into the place of its challenge's folder, which must be the revision that DraftChanges told
// of, or makes a new challenge of it, which is closed. A draft with problems is refused with these unless it takes the
// place of a challenge anyway: players of that go on with the last good revision.
func (l *Library) PublishDraft(ctx context.Context, id, by, over string, anyway bool) (Entry, error) {
	l.drafting.Lock()
	defer l.drafting.Unlock()
	d, err := l.draft(ctx, id)
	switch {
	case err != nil:
		return Entry{}, err
	case !d.Begun:
		return Entry{}, noDraft(id)
	case d.Loaded == nil && (!anyway || !d.Exists):
		return Entry{}, Problems(d.Problems)
	}
	staging, err := l.stage(uploading)
	if err != nil {
		return Entry{}, unreachable(err)
	}
	defer func() { _ = staging.remove() }() // what stays is removed at the next start
	folder := filepath.Join(staging.dir, d.Folder)
	if err := CopyFolder(ctx, l.draftDir(id, d.Folder), folder); err != nil {
		return Entry{}, unreachable(err)
	}
	var e Entry
	if d.Exists {
		e, err = l.publishOver(ctx, staging, folder, id, by, over)
	} else {
		e, err = (&Unpacked{Dir: folder, library: l, staging: staging}).Take(ctx, folder, by)
	}
	if err != nil {
		return e, err
	}
	return e, l.removeDraft(id)
}

func (l *Library) publishOver(ctx context.Context, staging *staging, folder, id, by, over string) (Entry, error) {
	l.changing.Lock()
	defer l.changing.Unlock()
	e, err := l.Find(id)
	if err != nil {
		return e, err
	}
	now, err := revisionOf(ctx, filepath.Join(l.dir, e.Folder))
	if err != nil {
		return e, unreachable(err)
	}
	if now != over {
		return e, whaley.Errorf(whaley.Conflict, "draft_outdated",
			"The files of %q are others than those that the draft was compared with. Look at the changes again, then publish.", id)
	}
	if err := errors.Join(os.Chmod(folder, 0o755), syncFolder(folder)); err != nil {
		return e, unreachable(err)
	}
	if err := l.replace(staging, folder, e.Folder); err != nil {
		return e, err
	}
	return l.again(ctx, e.Folder, cause{whaley.OriginEdit, by})
}

// UploadDraft makes a draft of an archive, whatever is wrong with what is in it. One that was begun already is replaced
// only if the archive is to replace.
func (l *Library) UploadDraft(ctx context.Context, archive Archive, by string) (Draft, error) {
	u, err := l.Unpack(archive)
	if err != nil {
		return Draft{}, err
	}
	defer u.Close()
	where, err := u.find(definitionFile)
	if err != nil {
		return Draft{}, err
	}
	name := archive.Name
	if where != "." {
		name = filepath.Base(where)
	}
	about := draftFile{Folder: DeriveID(strings.TrimSuffix(name, ".zip"))}
	from := filepath.Join(u.Dir, where)
	text, err := readText(filepath.Join(from, definitionFile), maxFile)
	if err != nil {
		text = nil // which the draft's problems say
	}
	d, _, _ := readDefinition(definitionFile, string(text), about.Folder, l.Defaults())
	about.ID = DeriveID(d.ID)
	l.drafting.Lock()
	defer l.drafting.Unlock()
	if e, err := l.Find(about.ID); err == nil {
		about.Folder = filepath.Base(e.Folder)
		if about.Base, err = revisionOf(ctx, filepath.Join(l.dir, e.Folder)); err != nil {
			return Draft{}, unreachable(err)
		}
	}
	if _, begun, err := l.readDraft(about.ID); err != nil || begun && !archive.Replace {
		return Draft{}, errors.Join(err, whaley.Errorf(whaley.Conflict, "draft_exists",
			"There is a draft of %q already. Publish or discard it first, or replace it.", about.ID))
	}
	if err := os.RemoveAll(l.draftRoom(about.ID)); err != nil {
		return Draft{}, draftUnreachable(err)
	}
	if err := CopyFolder(ctx, from, l.draftDir(about.ID, about.Folder)); err != nil {
		return Draft{}, draftUnreachable(err)
	}
	if err := l.writeDraft(about.ID, by, about); err != nil {
		return Draft{}, err
	}
	return l.draft(ctx, about.ID)
}
