package challenge

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

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

// Unpacked is an archive that was taken apart beside the challenges, so that folders of it can become some of them.
type Unpacked struct {
	Dir     string // with all that was in the archive
	archive Archive
	library *Library
	staging *staging
}

// Unpack takes an archive apart. What is not taken of it goes with Close.
func (l *Library) Unpack(archive Archive) (*Unpacked, error) {
	staging, err := l.stage(uploading)
	if err != nil {
		return nil, unreachable(err)
	}
	u := &Unpacked{
		filepath.Join(staging.dir, "challenge", DeriveID(strings.TrimSuffix(archive.Name, ".zip"))), archive, l, staging,
	}
	if err := os.MkdirAll(u.Dir, 0o755); err != nil {
		u.Close()
		return nil, unreachable(err)
	}
	root, err := os.OpenRoot(u.Dir)
	if err != nil {
		u.Close()
		return nil, unreachable(err)
	}
	defer root.Close()
	if err := files.Unzip(archive, archive.Size, root); err != nil {
		u.Close()
		return nil, err
	}
	return u, nil
}

// Close removes what is left of the archive.
func (u *Unpacked) Close() { _ = u.staging.remove() } // what stays is removed at the next start

// Top is the folder that holds all of the archive: those of whole repositories have one around everything.
func (u *Unpacked) Top() string {
	dir := u.Dir
	for {
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 || !entries[0].IsDir() {
			return dir
		}
		dir = filepath.Join(dir, entries[0].Name())
	}
}

func (u *Unpacked) find(name string) (string, error) {
	root, err := os.OpenRoot(u.Dir)
	if err != nil {
		return "", unreachable(err)
	}
	defer root.Close()
	return files.Find(root, name)
}

// Changes is how a folder of the archive differs from the challenge of an id; there is false if there is none of it.
func (u *Unpacked) Changes(ctx context.Context, folder, id string) (changes Changes, there bool, err error) {
	e, err := u.library.Find(id)
	if err != nil {
		return Changes{}, false, nil //nolint:nilerr // that there is none is the answer
	}
	before, err := contentsOf(ctx, filepath.Join(u.library.dir, e.Folder))
	if err != nil {
		return Changes{}, true, unreachable(err)
	}
	after, err := contentsOf(ctx, folder)
	if err != nil {
		return Changes{}, true, unreachable(err)
	}
	changes, err = Compare(before, after)
	return changes, true, err
}

// Take makes a challenge of a folder of the archive: all of it, or nothing. The error may be Problems.
func (u *Unpacked) Take(ctx context.Context, folder, by string) (Entry, error) {
	l := u.library
	ch, err := Load(ctx, folder, l.Defaults())
	if err != nil {
		return Entry{}, err
	}
	if err := errors.Join(os.Chmod(folder, 0o755), syncFolder(folder)); err != nil {
		return Entry{}, unreachable(err)
	}
	// Only now is anything of the library's touched: whatever an archive does, others go on.
	l.changing.Lock()
	defer l.changing.Unlock()
	if e, err := l.Find(ch.ID); err == nil && u.archive.Replace {
		if folder, err = l.renamed(ctx, u.staging, folder, filepath.Base(e.Folder), ch.ID); err != nil {
			return Entry{}, err
		}
		if err := l.audit(ctx, ch.ID, "uploaded as "+e.Folder); err != nil {
			return Entry{}, err
		}
		if err := l.replace(u.staging, folder, e.Folder); err != nil {
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
	if err := l.audit(ctx, ch.ID, "uploaded as "+ch.ID); err != nil {
		return Entry{}, err
	}
	if err := l.closed(ctx, ch.ID, by, !u.archive.Open); err != nil {
		return Entry{}, err
	}
	if err := os.Rename(folder, target); err != nil {
		return Entry{}, unreachable(err)
	}
	return l.again(ctx, ch.ID, cause{whaley.OriginUpload, by})
}

// renamed gives a folder the name of the one that it replaces. It must not become another challenge by that.
func (l *Library) renamed(ctx context.Context, staging *staging, folder, name, id string) (string, error) {
	if filepath.Base(folder) == name {
		return folder, nil
	}
	room, err := os.MkdirTemp(staging.dir, ".renamed-") // beside it another folder may have that name
	if err != nil {
		return "", unreachable(err)
	}
	as := filepath.Join(room, name)
	if err := os.Rename(folder, as); err != nil {
		return "", unreachable(err)
	}
	ch, err := Load(ctx, as, l.Defaults())
	if err == nil && ch.ID != id {
		err = whaley.Errorf(whaley.Conflict, "challenge_exists",
			"The challenge %q lies in the folder %q, by which this one would become %q. Write id = %q into its instance.toml.",
			id, name, ch.ID, id)
	}
	return as, err
}

// replace puts a folder into the place of a challenge's, whose old one goes with the staging.
func (l *Library) replace(staging *staging, folder, old string) error {
	away, err := os.MkdirTemp(staging.dir, ".replaced-")
	if err != nil {
		return unreachable(err)
	}
	target := filepath.Join(l.dir, old)
	away = filepath.Join(away, "challenge")
	if err := os.Rename(target, away); err != nil {
		return unreachable(err)
	}
	if err := os.Rename(folder, target); err != nil {
		return unreachable(errors.Join(err, os.Rename(away, target)))
	}
	return nil
}

// Upload makes a challenge of a zip archive: all of it, or nothing. The error may be Problems.
func (l *Library) Upload(ctx context.Context, archive Archive, by string) (Entry, error) {
	u, err := l.Unpack(archive)
	if err != nil {
		return Entry{}, err
	}
	defer u.Close()
	where, err := u.find(definitionFile)
	if err != nil {
		return Entry{}, err
	}
	name := archive.Name
	if where != "." {
		name = filepath.Base(where)
	}
	folder := filepath.Join(u.staging.dir, DeriveID(strings.TrimSuffix(name, ".zip")))
	if err := os.Rename(filepath.Join(u.Dir, where), folder); err != nil {
		return Entry{}, unreachable(err)
	}
	return u.Take(ctx, folder, by)
}

// closed writes down before a new challenge is there that players cannot start it, so that they never can for a moment.
func (l *Library) closed(ctx context.Context, id, by string, closed bool) error {
	if !closed || l.settings == nil {
		return nil
	}
	now := time.Now().UTC()
	return l.settings.SetChallenge(ctx, whaley.ChallengeSetting{Challenge: id, UpdatedAt: now, UpdatedBy: by},
		whaley.Event{
			Type: "admin_challenge_toggle", Challenge: id, Player: by, At: now,
			Message: "closed until an organiser opens it, since it is new",
		})
}
