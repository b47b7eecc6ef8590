package system

import (
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWhatIsInDataDirIsItsOwnersAlone plays an upgrade of a sidecar that left its files open, on a machine whose users
// make all files for everybody, and looks at the mode of everything afterwards.
func TestWhatIsInDataDirIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	dir, data := t.TempDir(), filepath.Join(t.TempDir(), "data")
	const compose = "services:\n  web:\n    build: .\n    user: \"1234\"\n    volumes: [\"./text.txt:/srv/text.txt:ro\"]\n"
	writeFixture(t, filepath.Join(dir, "echo"), fixture{compose: compose})
	if err := os.WriteFile(filepath.Join(dir, "echo", "text.txt"), []byte("read by another user\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := start(t, "embedded", dir, "DATA_DIR="+data, "FORENSICS_AUTO_CAPTURE=true")
	s.terminate()
	if out, err := exec.Command("chmod", "-R", "a+rX", data).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.serve()
	if got := s.do(alice, "GET", s.address(alice, "echo")+"/", nil); got.Status != http.StatusOK {
		t.Fatalf("an instance: %d %s", got.Status, got.Body)
	}
	if got := s.do(alice, "GET", s.address(alice, "echo")+"/probe/read?path=/srv/text.txt", nil); !strings.Contains(
		got.Body, "read by another user",
	) {
		t.Errorf("its mount, as another user than root: %d %s", got.Status, got.Body)
	}
	s.call(alice, "DELETE", "/instances/"+s.live(alice, "echo").ID, "", nil)
	s.eventually("what it printed is kept", time.Minute, func() error {
		kept, err := filepath.Glob(filepath.Join(data, "forensics", "*"))
		if err == nil && len(kept) == 0 {
			err = fs.ErrNotExist
		}
		return err
	})
	backup := exec.Command(binary, "backup", filepath.Join(data, "backup.tar.gz"))
	backup.Env = s.env
	if out, err := backup.CombinedOutput(); err != nil {
		t.Fatalf("backup: %v\n%s", err, out)
	}
	seen := 0
	err := filepath.WalkDir(data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		seen++
		if info.Mode()&0o077 != 0 {
			t.Errorf("%s has the mode %o", path, info.Mode().Perm())
		}
		// What is mounted has the mode that containers need, in a folder that nobody else looks into.
		if entry.IsDir() && slices.Contains([]string{"revisions", "inside", "program"}, entry.Name()) {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil || seen < 8 {
		t.Errorf("%d entries looked at, %v", seen, err)
	}
	check := exec.Command(binary, "check")
	check.Env = s.env
	if out, _ := check.CombinedOutput(); !strings.Contains(string(out), "privacy     ok") {
		t.Errorf("check says\n%s", out)
	}
}
