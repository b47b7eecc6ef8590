package backup_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/backup"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func open(t *testing.T) *store.Store {
	t.Helper()
	db, err := store.Open(context.Background(), "", storetest.Ready(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// saved makes a backup of a database with one event and two folders.
func saved(t *testing.T) string {
	t.Helper()
	db, dir := open(t), t.TempDir()
	if err := db.Record(context.Background(), whaley.Event{Type: "x", Instance: "i", Message: "happened", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/data/secret", "s3cret", 0o600)
	write(t, dir+"/data/lock", "of this machine", 0o600)
	write(t, dir+"/data/acme/authority.json", "certificates", 0o600)
	write(t, dir+"/challenges/web/start.sh", "#!/bin/sh\n", 0o755)
	if err := os.Symlink("start.sh", dir+"/challenges/web/link"); err != nil {
		t.Fatal(err)
	}
	file := dir + "/data/whole.tar.gz" // in one of its own folders
	folders := []backup.Folder{
		{Name: "data", Dir: dir + "/data", Skip: []string{"lock"}}, {Name: "challenges", Dir: dir + "/challenges"},
		{Name: "none", Dir: dir + "/none"},
	}
	if err := backup.Write(context.Background(), file, "1.0", db, folders); err != nil {
		t.Fatal(err)
	}
	if err := backup.Write(context.Background(), file, "1.0", db, folders); err == nil {
		t.Error("a backup is overwritten")
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(dir + "/data/.whaley*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	return file
}

func TestWhatWasSavedComesBackAsItWas(t *testing.T) {
	file, db, dir := saved(t), open(t), t.TempDir()
	if err := os.MkdirAll(dir+"/data/acme", 0o700); err != nil { // make up has made it already
		t.Fatal(err)
	}
	folders := []backup.Folder{{Name: "data", Dir: dir + "/data"}, {Name: "challenges", Dir: dir + "/challenges"}}
	if err := backup.Read(context.Background(), file, db, folders); err != nil {
		t.Fatal(err)
	}
	events, err := db.Events(context.Background(), "i")
	if err != nil || len(events) != 1 || events[0].Message != "happened" {
		t.Errorf("%+v %v", events, err)
	}
	for path, want := range map[string]string{"/data/secret": "s3cret", "/data/acme/authority.json": "certificates",
		"/challenges/web/start.sh": "#!/bin/sh\n", "/challenges/web/link": "#!/bin/sh\n"} {
		if text, err := os.ReadFile(dir + path); err != nil || string(text) != want {
			t.Errorf("%s: %q %v", path, text, err)
		}
	}
	for path, want := range map[string]os.FileMode{"/challenges/web/start.sh": 0o755, "/data/acme/authority.json": 0o600} {
		if info, err := os.Stat(dir + path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%v %v", info, err)
		}
	}
	if _, err := os.Stat(dir + "/data/lock"); err == nil {
		t.Error("what is of one machine only came along")
	}
}

func TestNothingIsRestoredOverWhatIsThere(t *testing.T) {
	file, dir := saved(t), t.TempDir()
	write(t, dir+"/data/secret", "another", 0o600)
	db := open(t)
	err := backup.Read(context.Background(), file, db, []backup.Folder{{Name: "data", Dir: dir + "/data"}})
	if err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("%v", err)
	}
	if events, err := db.Events(context.Background(), "i"); err != nil || len(events) != 0 {
		t.Errorf("the database was filled all the same: %v %v", events, err)
	}
}

func TestABackupThatIsNoneIsRefused(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/text", "hello", 0o600)
	write(t, dir+"/cut", "", 0o600)
	whole, err := os.ReadFile(saved(t))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/cut", string(whole[:len(whole)/2]), 0o600)
	for _, name := range []string{"none", "text", "cut"} {
		db := open(t)
		if err := backup.Read(context.Background(), filepath.Join(dir, name), db, nil); err == nil {
			t.Errorf("%s is taken", name)
		}
		if events, err := db.Events(context.Background(), "i"); err != nil || len(events) != 0 {
			t.Errorf("%s has filled the database: %v %v", name, events, err)
		}
	}
}

// TestABackupWritesNothingOutsideItsFolders reads one that somebody has made by hand.
func TestABackupWritesNothingOutsideItsFolders(t *testing.T) {
	for name, entries := range map[string][]tar.Header{
		"dots":     {{Name: "data/../../evil", Typeflag: tar.TypeReg}},
		"absolute": {{Name: "data//etc/evil", Typeflag: tar.TypeReg}},
		"link": {
			{Name: "data/out", Typeflag: tar.TypeSymlink, Linkname: "../.."}, {Name: "data/out/evil", Typeflag: tar.TypeReg},
		},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "made.tar.gz")
		out, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		packed := gzip.NewWriter(out)
		w := tar.NewWriter(packed)
		text := `{"format":1,"version":"1","database":"sqlite"}`
		w.WriteHeader(&tar.Header{Name: "manifest.json", Typeflag: tar.TypeReg, Size: int64(len(text))})
		w.Write([]byte(text))
		for _, e := range entries {
			w.WriteHeader(&e)
		}
		w.Close()
		packed.Close()
		out.Close()
		inner := filepath.Join(dir, "a", "data")
		// refused or harmless
		_ = backup.Read(context.Background(), file, open(t), []backup.Folder{{Name: "data", Dir: inner}})
		err = filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			if filepath.Base(path) == "evil" && !strings.HasPrefix(path, inner+"/") {
				t.Errorf("%s: wrote %s", name, path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
