package challenge_test

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
)

func TestARevisionThatIsNotBuiltGivesWayToTheLastThatWas(t *testing.T) {
	s := newLibraryWorld(t)
	s.put("web/instance.toml", oneRoute)
	s.put("web/compose.yaml", "services:\n  web: {image: x}\n")
	s.reload()
	first := s.get("web")
	fails := func() string {
		t.Helper()
		instead, err := s.library.NotBuilt(t.Context(), s.get("web"), "no space")
		if err != nil {
			t.Fatal(err)
		}
		return instead
	}
	if instead := fails(); instead != "" || s.get("web") != first {
		t.Errorf("with nothing built before it gave way to %q", instead)
	}
	if err := s.library.Built(first); err != nil {
		t.Fatal(err)
	}
	if instead := fails(); instead != "" {
		t.Errorf("what was built before gave way to %q", instead)
	}
	s.put("web/compose.yaml", "services:\n  web: {image: y}\n")
	s.reload()
	second := s.get("web")
	if second.Revision == first.Revision {
		t.Fatal("an edit made no revision")
	}
	if instead := fails(); instead != first.Revision || s.get("web").Revision != first.Revision ||
		s.get("web").Services[0].Image != "x" {
		t.Errorf("%q took its place, and players get %s", instead, s.get("web").Services[0].Image)
	}
	e := s.library.Entries()[0]
	if e.Unbuilt != second.Revision || e.Loaded == nil || e.Loaded.Revision != first.Revision {
		t.Errorf("unbuilt is %q, loaded %+v", e.Unbuilt, e.Loaded)
	}
	if len(e.Problems) != 1 ||
		!strings.Contains(e.Problems[0].Text, "the images of revision "+second.Revision+" could not be made") ||
		!strings.Contains(e.Problems[0].Text, "no space") {
		t.Errorf("%v", e.Problems)
	}
	// Its copy stays for as long as the folder holds something else, and the folder is tried again when it is read again.
	for range 3 {
		if err := s.library.Prune(func(string) bool { return false }); err != nil {
			t.Fatal(err)
		}
	}
	s.reload()
	if now := s.get("web"); now.Revision != second.Revision || len(s.library.Entries()[0].Problems) != 0 ||
		s.library.Entries()[0].Unbuilt != "" {
		t.Errorf("read again it is %s: %v", now.Revision, s.library.Entries()[0].Problems)
	}
	if instead := fails(); instead != first.Revision {
		t.Errorf("the second time %q took its place", instead)
	}
}

func TestAnArchiveReplacesAChallengeOnlyWhereItMay(t *testing.T) {
	s := newLibraryWorld(t)
	s.put("Web One/instance.toml", "id = \"one\"\n"+oneRoute)
	s.put("Web One/compose.yaml", "services:\n  web: {image: x}\n")
	s.put("Web One/old.txt", "old")
	s.reload()
	first := s.get("one")
	upload := func(replace bool, files ...string) (challenge.Entry, error) {
		t.Helper()
		var packed bytes.Buffer
		w := zip.NewWriter(&packed)
		for n := 0; n < len(files); n += 2 {
			f, err := w.Create(files[n])
			if err == nil {
				_, err = f.Write([]byte(files[n+1]))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return s.library.Upload(
			t.Context(),
			challenge.Archive{ReaderAt: bytes.NewReader(packed.Bytes()), Size: int64(packed.Len()), Name: "up", Replace: replace},
			"admin",
		)
	}
	next := []string{
		"one/instance.toml", "id = \"one\"\n" + oneRoute, "one/compose.yaml", "services:\n  web: {image: y}\n",
	}
	if _, err := upload(false, next...); err == nil || s.get("one") != first {
		t.Errorf("without being told it replaced one: %v", err)
	}
	if _, err := upload(
		true, "one/instance.toml", "id = \"one\"\n"+oneRoute, "one/compose.yaml", "services:\n  web: {image: y, pid: host}\n",
	); err == nil || s.get("one") != first {
		t.Errorf("what is refused replaced one: %v", err)
	}
	if _, err := upload(true, "one/instance.toml", oneRoute, "one/compose.yaml", "services:\n  web: {image: y}\n"); err == nil ||
		s.get("one") != first {
		t.Errorf("what would become another challenge replaced one: %v", err)
	}
	e, err := upload(true, next...)
	if err != nil || e.Folder != "Web One" || s.get("one").Services[0].Image != "y" {
		t.Fatalf("%+v %v", e, err)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "Web One", "old.txt")); !os.IsNotExist(err) {
		t.Errorf("what was there before is there still: %v", err)
	}
	if left, err := os.ReadDir(s.dir); err != nil || len(left) != 1 {
		t.Errorf("%v %v", left, err)
	}
}

func TestAChallengeIsRolledBackToWhatIsKeptOfIt(t *testing.T) {
	s := newLibraryWorld(t)
	s.library.KeepEarlier(1 << 10)
	s.put("Web One/instance.toml", "id = \"one\"\n"+oneRoute)
	s.put("Web One/compose.yaml", "services:\n  web: {image: x}\n")
	s.reload()
	first := s.get("one")
	s.put("Web One/compose.yaml", "services:\n  web: {image: y, pid: host}\n")
	s.reload()
	prune := func() {
		t.Helper()
		for range 3 {
			if err := s.library.Prune(func(string) bool { return false }); err != nil {
				t.Fatal(err)
			}
		}
	}
	prune()
	e, err := s.library.RollBack(t.Context(), "one", first.Revision, "admin")
	if err != nil || e.Loaded == nil || e.Loaded.Revision != first.Revision || len(e.Problems) > 0 || e.Folder != "Web One" {
		t.Fatalf("%+v %v", e, err)
	}
	if text, err := os.ReadFile(filepath.Join(s.dir, "Web One/compose.yaml")); err != nil ||
		!strings.Contains(string(text), "image: x") {
		t.Errorf("the folder holds %q %v", text, err)
	}
	// Of larger ones as many stay as fit.
	for n := range 4 {
		s.put("Web One/large", strings.Repeat(string(rune('a'+n)), 500))
		s.reload()
	}
	last := s.get("one")
	prune()
	for _, name := range []string{first.Revision, "", "../../etc", strings.Repeat("0", 16)} {
		if _, err := s.library.RollBack(t.Context(), "one", name, "admin"); err == nil ||
			s.get("one").Revision != last.Revision {
			t.Errorf("it went back to %q: %v", name, err)
		}
	}
	var packed bytes.Buffer
	if err := s.library.ViewRevision(
		"one", last.Revision, func(dir string) error { return files.Zip(t.Context(), dir, "one", &packed) },
	); err != nil {
		t.Fatal(err)
	}
	e, err = s.library.Upload(
		t.Context(),
		challenge.Archive{ReaderAt: bytes.NewReader(packed.Bytes()), Size: int64(packed.Len()), Name: "up", Replace: true},
		"admin",
	)
	if err != nil || e.Loaded.Revision != last.Revision {
		t.Errorf("what was downloaded is another challenge when it is uploaded: %+v %v", e.Loaded, err)
	}
}
