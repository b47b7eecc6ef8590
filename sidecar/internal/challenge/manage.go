package challenge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Find is the folder of a challenge by its id, or of a broken one by the folder's name.
func (l *Library) Find(id string) (Entry, error) {
	for _, e := range l.Entries() {
		if e.ID == id {
			return e, nil
		}
	}
	return Entry{}, whaley.Errorf(whaley.NotFound, "challenge_not_found", "There is no challenge %q.", id)
}

// View opens a challenge's folder for looking.
func (l *Library) View(id string, look func(root *os.Root) error) error {
	e, err := l.Find(id)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(filepath.Join(l.dir, e.Folder))
	if err != nil {
		return unreachable(err)
	}
	defer root.Close()
	return look(root)
}

// Edit opens a challenge's folder for a change, and then loads it again unless it is told to wait for further edits.
// A change that breaks the challenge stays; the last good revision is what players get until it is mended.
func (l *Library) Edit(ctx context.Context, id, by string, reload bool, change func(root *os.Root) error) (Entry, error) {
	l.changing.Lock()
	defer l.changing.Unlock()
	e, err := l.Find(id)
	if err != nil {
		return Entry{}, err
	}
	if err := l.View(id, change); err != nil || !reload {
		return e, err
	}
	return l.again(ctx, e.Folder, cause{whaley.OriginEdit, by})
}

// ReloadOne reads one challenge's folder again for an organiser.
func (l *Library) ReloadOne(ctx context.Context, id, by string) (Entry, error) {
	l.changing.Lock()
	defer l.changing.Unlock()
	e, err := l.Find(id)
	if err != nil {
		return Entry{}, err
	}
	return l.again(ctx, e.Folder, cause{whaley.OriginReload, by})
}

// again loads one folder and returns what became of it, whose id may be another now.
func (l *Library) again(ctx context.Context, folder string, why cause) (Entry, error) {
	if _, err := l.reload(ctx, folder, why); err != nil {
		return Entry{}, unreachable(err)
	}
	for _, e := range l.Entries() {
		if e.Folder == folder {
			return e, nil
		}
	}
	return Entry{}, whaley.Errorf(whaley.NotFound, "challenge_not_found", "The folder %q is gone.", folder)
}

// Set changes what organisers have set for a challenge.
func (l *Library) Set(ctx context.Context, id, by string, ev whaley.Event, change func(*whaley.ChallengeSetting)) (Entry, error) {
	l.changing.Lock()
	defer l.changing.Unlock()
	e, err := l.Find(id)
	if err != nil {
		return Entry{}, err
	}
	if l.settings == nil {
		return Entry{}, whaley.Errorf(whaley.Unavailable, "settings_missing", "Settings of challenges are not kept here.")
	}
	all, err := l.settings.ChallengeSettings(ctx)
	if err != nil {
		return Entry{}, err
	}
	setting, known := all[id]
	if !known {
		setting = whaley.ChallengeSetting{Active: true}
	}
	change(&setting)
	setting.Challenge, setting.UpdatedAt, setting.UpdatedBy = id, time.Now().UTC(), by
	if err := l.settings.SetChallenge(ctx, setting, ev); err != nil {
		return Entry{}, err
	}
	if _, err := l.shelve(ctx, l.Entries(), cause{}); err != nil {
		return Entry{}, err
	}
	return l.Find(e.ID)
}

// Archive is a challenge as a zip.
type Archive struct {
	io.ReaderAt
	Size int64
	// Name is what the challenge is called if neither its instance.toml nor a folder in the archive says so.
	Name string
	// Replace puts it into the place of one with its id. Instances that run go on with theirs.
	Replace bool
	// Open lets players start one that is new at once; else an organiser opens it.
	Open bool
}

// Upload makes a challenge of a zip archive: all of it, or nothing. The error may be Problems.
func (l *Library) Upload(ctx context.Context, archive Archive, by string) (Entry, error) {
	name := archive.Name
	staging, err := l.stage(uploading)
	if err != nil {
		return Entry{}, unreachable(err)
	}
	defer func() { _ = staging.remove() }() // what stays is removed at the next start
	extracted := filepath.Join(staging.dir, ".extracted")
	if err := os.Mkdir(extracted, 0o755); err != nil {
		return Entry{}, unreachable(err)
	}
	where, err := unzip(extracted, archive, archive.Size)
	if err != nil {
		return Entry{}, err
	}
	if where != "." {
		name = filepath.Base(where)
	}
	folder := filepath.Join(staging.dir, DeriveID(strings.TrimSuffix(name, ".zip")))
	if err := os.Rename(filepath.Join(extracted, where), folder); err != nil {
		return Entry{}, unreachable(err)
	}
	ch, err := Load(ctx, folder, *l.defaults.Load())
	if err != nil {
		return Entry{}, err
	}
	if err := errors.Join(os.Chmod(folder, 0o755), syncFolder(folder)); err != nil {
		return Entry{}, unreachable(err)
	}
	// Only now is anything of the library's touched: whatever an archive does, others go on.
	l.changing.Lock()
	defer l.changing.Unlock()
	if e, err := l.Find(ch.ID); err == nil && archive.Replace {
		if folder, err = l.renamed(ctx, folder, filepath.Base(e.Folder), ch.ID); err != nil {
			return Entry{}, err
		}
		if err := l.replace(staging, folder, e.Folder); err != nil {
			return Entry{}, err
		}
		return l.again(ctx, e.Folder, cause{whaley.OriginUpload, by})
	}
	if _, taken := l.Get(ch.ID); taken {
		return Entry{}, whaley.Errorf(whaley.Conflict, "challenge_exists",
			"There is a challenge %q already. Delete it first, or give this one another id.", ch.ID)
	}
	target := filepath.Join(l.dir, ch.ID)
	if _, err := os.Lstat(target); err == nil {
		return Entry{}, whaley.Errorf(whaley.Conflict, "challenge_exists",
			"There is a folder %q already. Delete it first, or give this challenge another id.", ch.ID)
	}
	if err := l.closed(ctx, ch.ID, by, !archive.Open); err != nil {
		return Entry{}, err
	}
	if err := os.Rename(folder, target); err != nil {
		return Entry{}, unreachable(err)
	}
	return l.again(ctx, ch.ID, cause{whaley.OriginUpload, by})
}

// closed writes down before a new challenge is there that players cannot start it, so that they never can for a moment.
func (l *Library) closed(ctx context.Context, id, by string, closed bool) error {
	if !closed || l.settings == nil {
		return nil
	}
	now := time.Now().UTC()
	return l.settings.SetChallenge(ctx, whaley.ChallengeSetting{Challenge: id, UpdatedAt: now, UpdatedBy: by},
		whaley.Event{Type: "admin_challenge_toggle", Challenge: id, Player: by, At: now, Message: "closed until an organiser opens it, since it is new"})
}

// renamed gives a folder the name of the one that it replaces. It must not become another challenge by that.
func (l *Library) renamed(ctx context.Context, folder, name, id string) (string, error) {
	as := filepath.Join(filepath.Dir(folder), name)
	if as == folder {
		return folder, nil
	}
	if err := os.Rename(folder, as); err != nil {
		return "", unreachable(err)
	}
	ch, err := Load(ctx, as, *l.defaults.Load())
	if err == nil && ch.ID != id {
		err = whaley.Errorf(whaley.Conflict, "challenge_exists",
			"The challenge %q lies in the folder %q, by which this one would become %q. Write id = %q into its instance.toml.", id, name, ch.ID, id)
	}
	return as, err
}

// replace puts a folder into the place of a challenge's, whose old one goes with the staging.
func (l *Library) replace(staging *staging, folder, old string) error {
	target, away := filepath.Join(l.dir, old), filepath.Join(staging.dir, ".replaced")
	if err := os.Rename(target, away); err != nil {
		return unreachable(err)
	}
	if err := os.Rename(folder, target); err != nil {
		return unreachable(errors.Join(err, os.Rename(away, target)))
	}
	return nil
}

func unzip(dir string, archive io.ReaderAt, size int64) (where string, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", unreachable(err)
	}
	defer root.Close()
	if err := files.Unzip(archive, size, root); err != nil {
		return "", err
	}
	return files.Find(root, definitionFile)
}

// Delete removes a challenge's folder for good. It refuses with challenge_in_use while live says that instances of it
// live; nobody can start one while it looks.
func (l *Library) Delete(ctx context.Context, id string, ev whaley.Event, live func(ctx context.Context) (int, error)) error {
	l.changing.Lock()
	defer l.changing.Unlock()
	e, err := l.Find(id)
	if err != nil {
		return err
	}
	all := l.Entries()
	var others []Entry
	for _, other := range all {
		if other.Folder != e.Folder {
			others = append(others, other)
		}
	}
	if _, err := l.shelve(ctx, others, cause{}); err != nil {
		return err
	}
	n, err := live(ctx)
	if err == nil && n > 0 {
		err = whaley.Errorf(whaley.Conflict, "challenge_in_use", "%s still running. Close the challenge and stop them first.", counted(n))
	}
	var gone *staging
	if err == nil {
		if gone, err = l.stage(deleting); err == nil {
			defer func() { _ = gone.remove() }() // it has been before, unless something else went wrong
			err = os.Rename(filepath.Join(l.dir, e.Folder), filepath.Join(gone.dir, filepath.Base(e.Folder)))
		}
		if err != nil {
			err = unreachable(err)
		}
	}
	if err != nil {
		_, back := l.shelve(ctx, all, cause{})
		return errors.Join(err, back)
	}
	if l.settings != nil {
		err = l.settings.ForgetChallenge(ctx, id, ev)
	}
	err = errors.Join(err, gone.remove())
	// Another folder may have waited for the id.
	_, reloaded := l.reload(ctx, "", cause{whaley.OriginReload, ev.Player})
	return errors.Join(err, reloaded)
}

func unreachable(err error) error {
	return whaley.Errorf(whaley.Unavailable, "challenges_unwritable",
		"The challenges' folder cannot be read or written. Has the sidecar the right to, and is there space?").Because(err)
}

func counted(instances int) string {
	if instances == 1 {
		return "1 instance is"
	}
	return fmt.Sprintf("%d instances are", instances)
}
