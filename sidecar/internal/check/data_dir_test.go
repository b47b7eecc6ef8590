package check

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/datadir"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// holding makes a folder with files, all of which others may read.
func holding(t *testing.T, names ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestWhatOthersCouldReadInDataDirIsTakenFromThem(t *testing.T) {
	dir := holding(t, "whaley.db", "whaley.db-wal", "events.jsonl", "forensics/one.log", "revisions/abc/web/app.py")
	c := settings(t, map[string]string{"DATA_DIR": dir})
	told(
		t, 1, func(r *report) { checkPrivate(c, r) }, "others on this machine can look into DATA_DIR="+dir+" (mode 755)",
		"chmod 700",
	)
	if err := datadir.Open(dir, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	told(t, 0, func(r *report) { checkPrivate(c, r) }, "ok")
	for name, want := range map[string]fs.FileMode{
		"": 0o700, "whaley.db": 0o600, "whaley.db-wal": 0o600, "events.jsonl": 0o600, "forensics": 0o700, "revisions": 0o700,
		"revisions/abc/web/app.py": 0o644, // which an instance's own user has to read
	} {
		if got := modeOf(t, filepath.Join(dir, name)); got != want {
			t.Errorf("%q has the mode %o instead of %o", name, got, want)
		}
	}
}

func TestANewDataDirIsItsOwnersAlone(t *testing.T) {
	empty, missing := holding(t), filepath.Join(t.TempDir(), "a", "b")
	for _, dir := range []string{empty, missing} {
		told(t, 0, func(r *report) { checkPrivate(settings(t, map[string]string{"DATA_DIR": dir}), r) }, "ok")
		if err := datadir.Open(dir, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		if got := modeOf(t, dir); got != 0o700 {
			t.Errorf("%s has the mode %o", dir, got)
		}
	}
}

// Another's folder, as /etc, would be of no use to anybody any more.
func TestAFolderOfOthersIsNotClosed(t *testing.T) {
	dir := holding(t, "passwd", "ssl/certs")
	log := &testkit.Log{}
	if err := datadir.Open(dir, slog.New(slog.NewTextHandler(log, nil))); err != nil {
		t.Fatal(err)
	}
	if got := modeOf(t, dir); got != 0o755 || modeOf(t, filepath.Join(dir, "passwd")) != 0o644 ||
		!strings.Contains(log.String(), "folder of its own") {
		t.Errorf("mode %o, log %q", got, log)
	}
	told(
		t, 1, func(r *report) { checkPrivate(settings(t, map[string]string{"DATA_DIR": dir}), r) }, "others on this machine",
	)
	everybodys := t.TempDir()
	if err := os.Chmod(everybodys, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{everybodys, "/"} {
		if err := datadir.Open(dir, slog.New(slog.DiscardHandler)); err == nil ||
			!strings.Contains(err.Error(), "one of its own") {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if err := os.WriteFile(filepath.Join(everybodys, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	told(
		t, 1, func(r *report) { checkPrivate(settings(t, map[string]string{"DATA_DIR": everybodys}), r) }, "everybody uses",
	)
}
