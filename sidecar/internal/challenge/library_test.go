package challenge_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// libraryWorld is a folder of challenges and the folder of their revisions.
type libraryWorld struct {
	t              *testing.T
	dir, revisions string
	library        *challenge.Library
}

func newLibraryWorld(t *testing.T) *libraryWorld {
	t.Helper()
	s := &libraryWorld{t: t, dir: t.TempDir(), revisions: t.TempDir()}
	s.start()
	return s
}

// start is a new life of the process.
func (s *libraryWorld) start() {
	s.t.Helper()
	s.library = challenge.NewLibrary(s.dir, defaults)
	if err := s.library.KeepRevisions(s.revisions); err != nil {
		s.t.Fatal(err)
	}
	s.reload()
}

func (s *libraryWorld) reload() []challenge.Problem {
	s.t.Helper()
	problems, err := s.library.Reload(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	return problems
}

func (s *libraryWorld) put(path, text string) {
	s.t.Helper()
	path = filepath.Join(s.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *libraryWorld) get(id string) *whaley.Challenge {
	s.t.Helper()
	ch, ok := s.library.Get(id)
	if !ok {
		s.t.Fatalf("%s is not loaded", id)
	}
	return ch
}

const mounting = "services:\n  web:\n    image: busybox:1.36\n    volumes: [\"./conf:/etc/conf:ro\"]\n"

func TestAnEditChangesNothingUnderWhatRuns(t *testing.T) {
	s := newLibraryWorld(t)
	s.put("web/instance.toml", oneRoute)
	s.put("web/compose.yaml", mounting)
	s.put("web/conf/a", "one")
	s.reload()
	first := s.get("web")
	mounted := filepath.Join(first.Services[0].Mounts[0].Source, "a")
	s.put("web/conf/a", "two")
	s.reload()
	second := s.get("web")
	if second.Revision == first.Revision || second.Dir == first.Dir {
		t.Errorf("an edit made no revision: %s and %s", first.Dir, second.Dir)
	}
	if text, err := os.ReadFile(mounted); err != nil || string(text) != "one" {
		t.Errorf("what is mounted has become %q %v", text, err)
	}
	if text, err := os.ReadFile(filepath.Join(second.Services[0].Mounts[0].Source, "a")); err != nil ||
		string(text) != "two" {
		t.Errorf("the new revision has %q %v", text, err)
	}
	// Kept as long as somebody runs it; gone after two looks without.
	for _, runs := range []bool{true, true, false, true, false, false} {
		if _, err := os.Stat(mounted); err != nil {
			t.Fatalf("gone too early: %v", err)
		}
		if err := s.library.Prune(func(dir string) bool { return runs && dir == first.Dir }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(mounted); !os.IsNotExist(err) {
		t.Errorf("nobody wants it, and it is there: %v", err)
	}
	if _, err := os.Stat(second.Dir); err != nil {
		t.Error(err)
	}
}

func TestABrokenFolderHasItsLastGoodRevisionAfterARestartToo(t *testing.T) {
	s := newLibraryWorld(t)
	s.put("web/instance.toml", oneRoute)
	s.put("web/compose.yaml", "services:\n  web: {image: x}\n")
	s.reload()
	good := s.get("web")
	s.put("web/compose.yaml", "services:\n  web: {image: x, pid: host}\n")
	for range 2 {
		if problems := s.reload(); len(problems) != 1 || problems[0].Line != 2 {
			t.Errorf("%v", problems)
		}
		if now := s.get("web"); now.Revision != good.Revision || now.Dir != good.Dir {
			t.Errorf("%s instead of %s", now.Dir, good.Dir)
		}
		if err := s.library.Prune(func(string) bool { return false }); err != nil {
			t.Fatal(err)
		}
		s.start()
	}
	if e, err := s.library.Find("web"); err != nil || len(e.Problems) != 1 || e.Loaded == nil {
		t.Errorf("%+v %v", e, err)
	}
	copies, err := filepath.Glob(filepath.Join(s.revisions, "*", "*"))
	if err != nil || len(copies) != 1 {
		t.Errorf("copies %v %v", copies, err)
	}
}

func TestAnIdBelongsToWhoeverHasItFirst(t *testing.T) {
	s := newLibraryWorld(t)
	s.put("b/instance.toml", "id = \"one\"\n"+oneRoute)
	s.put("b/compose.yaml", "services:\n  web: {image: x}\n")
	s.reload()
	s.put("a/instance.toml", "\nid = \"one\"\n"+oneRoute)
	s.put("a/compose.yaml", "services:\n  web: {image: y}\n")
	for range 2 {
		problems := s.reload()
		if len(problems) != 1 ||
			problems[0].String() != `a/instance.toml:2: id: "one" is the id of b already; every challenge needs its own` {
			t.Errorf("%v", problems)
		}
		if ch := s.get("one"); ch.Services[0].Image != "x" {
			t.Errorf("the newcomer has it: %+v", ch)
		}
	}
	if err := os.RemoveAll(filepath.Join(s.dir, "b")); err != nil {
		t.Fatal(err)
	}
	if problems := s.reload(); len(problems) != 0 || s.get("one").Services[0].Image != "y" {
		t.Errorf("%v %+v", problems, s.get("one"))
	}
}

func TestWhatIsBeingWrittenIsNoPartOfARevision(t *testing.T) {
	s := newLibraryWorld(t)
	s.put("web/instance.toml", oneRoute)
	s.put("web/compose.yaml", "services:\n  web: {image: x}\n")
	s.reload()
	before := s.get("web").Revision
	s.put("web/.whaley-half", "half a file")
	s.reload()
	if now := s.get("web").Revision; now != before {
		t.Errorf("%s became %s", before, now)
	}
}

func TestLimitsAreSharedOutAndNeverMoreThanAll(t *testing.T) {
	for _, c := range []struct{ compose, want string }{
		{"  web: {image: x}\n  b: {image: x}\n", "192 192"},
		{"  web: {image: x, mem_limit: 64m}\n  b: {image: x}\n", "64 320"},
		{"  web: {image: x, mem_limit: 64m}\n  b: {image: x, mem_limit: 32m}\n", "64 32"},
		{"  web: {image: x, mem_limit: 512m}\n  b: {image: x}\n", "256 128"},
		{"  web: {image: x, mem_limit: 8t}\n  b: {image: x, deploy: {resources: {limits: {memory: 8192g}}}}\n", "192 192"},
		{"  web: {image: x, mem_limit: 1k}\n", "8"},
	} {
		ch, err := load(t, folder(t, oneRoute, "services:\n"+c.compose))
		if err != nil {
			t.Errorf("%s: %v", c.compose, err)
			continue
		}
		got := map[string]int64{}
		for _, s := range ch.Services {
			got[s.Name] = s.Limits.MemoryBytes >> 20
		}
		for n, text := range strings.Fields(c.want) {
			name := []string{"web", "b"}[n]
			if text != strconv.FormatInt(got[name], 10) {
				t.Errorf("%s%s has %d MB, want %s", c.compose, name, got[name], text)
			}
		}
	}
}
