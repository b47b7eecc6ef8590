package challenge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

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
func (l *Library) Edit(
	ctx context.Context, id, by string, reload bool, change func(root *os.Root) error,
) (Entry, error) {
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
func (l *Library) Set(
	ctx context.Context, id, by string, change func(*whaley.ChallengeSetting),
) (Entry, error) {
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
	if err := l.settings.SetChallenge(ctx, setting, whaley.Event{}); err != nil {
		return Entry{}, err
	}
	if _, err := l.install(ctx, l.Entries(), cause{}); err != nil {
		return Entry{}, err
	}
	return l.Find(e.ID)
}

// Delete removes a challenge's folder for good. It refuses with challenge_in_use while live says that instances of it
// live; nobody can start one while it looks.
func (l *Library) Delete(
	ctx context.Context, id, by string, live func(ctx context.Context) (int, error),
) error {
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
	if _, err := l.install(ctx, others, cause{}); err != nil {
		return err
	}
	n, err := live(ctx)
	if err == nil && n > 0 {
		err = whaley.Errorf(
			whaley.Conflict, "challenge_in_use", "%s still running. Close the challenge and stop them first.", counted(n),
		)
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
	if err == nil && l.settings != nil {
		if err = l.settings.ForgetChallenge(ctx, id); err != nil {
			back := os.Rename(filepath.Join(gone.dir, filepath.Base(e.Folder)), filepath.Join(l.dir, e.Folder))
			err = errors.Join(err, back)
		}
	}
	if err != nil {
		_, back := l.install(ctx, all, cause{})
		return errors.Join(err, back)
	}
	err = gone.remove()
	// Another folder may have waited for the id.
	_, reloaded := l.reload(ctx, "", cause{whaley.OriginReload, by})
	return errors.Join(err, reloaded)
}

// audit writes the organiser's line of a change to folders, which no transaction holds, before it is made.
func (l *Library) audit(ctx context.Context, id, message string) error {
	if l.settings == nil || !whaley.AuditOf(ctx).Wanted() {
		return nil
	}
	return l.settings.Record(ctx, whaley.Event{Challenge: id, Message: message})
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
