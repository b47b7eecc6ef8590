package challenge_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
)

func TestChallengesLieInFoldersOfAnyDepthAndName(t *testing.T) {
	s := newLibraryWorld(t)
	for _, folder := range []string{"web/Baby's First Heap", "pwn/2026/Baby's First Heap", "plain"} {
		s.put(folder+"/instance.toml", oneRoute)
		s.put(folder+"/compose.yaml", "services: {web: {image: busybox}}\n# "+folder)
	}
	s.put("pwn/2026/Baby's First Heap/instance.toml", "id = \"second\"\n"+oneRoute)
	s.put("plain/inner/instance.toml", "what lies in a challenge's folder is its own")
	s.put("notes/deep/readme.md", "no challenge")
	s.put("web/node_modules/x/instance.toml", "")
	s.put("web/.git/x/instance.toml", "")
	if err := os.Symlink("..", filepath.Join(s.dir, "web", "loop")); err != nil {
		t.Fatal(err)
	}
	problems, err := s.library.Reload(context.Background())
	if err != nil || len(problems) != 1 || problems[0].File != "notes/instance.toml" {
		t.Fatalf("%v %v", problems, err)
	}
	first, second := s.get("babys-first-heap"), s.get("second")
	s.get("plain")
	if first.Name != "Baby's First Heap" || second.Name != first.Name || len(s.library.All()) != 3 {
		t.Errorf("%q %q, %d", first.Name, second.Name, len(s.library.All()))
	}
	e, err := s.library.Find("babys-first-heap")
	if err != nil || len(e.Notes) != 1 || e.Notes[0].File != "web/Baby's First Heap/instance.toml" ||
		!strings.Contains(e.Notes[0].Text, "babys-first-heap") {
		t.Errorf("%+v %v", e.Notes, err)
	}
	// One that breaks keeps its last good revision, after a restart and a look for unused ones too.
	s.put("pwn/2026/Baby's First Heap/compose.yaml", "services: {web: {image: busybox, privileged: true}}")
	for range 3 {
		if err := s.library.Prune(func(string) bool { return false }); err != nil {
			t.Fatal(err)
		}
	}
	s.start()
	problems, err = s.library.Reload(context.Background())
	if err != nil || len(problems) != 2 || problems[1].File != "pwn/2026/Baby's First Heap/compose.yaml" {
		t.Errorf("%v %v", problems, err)
	}
	if again := s.get("second"); again.Dir != second.Dir {
		t.Errorf("%s and %s", again.Dir, second.Dir)
	}
	// The same id twice is said of the second.
	s.put("pwn/other/instance.toml", "id = \"plain\"\n"+oneRoute)
	s.put("pwn/other/compose.yaml", "services: {web: {image: busybox}}")
	problems, err = s.library.Reload(context.Background())
	if err != nil || len(problems) != 3 || problems[2].File != "pwn/other/instance.toml" ||
		!strings.Contains(problems[2].Text, "is the id of plain already") {
		t.Errorf("%v %v", problems, err)
	}
	none := func(context.Context) (int, error) { return 0, nil }
	if err := s.library.Delete(context.Background(), "second", "", none); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "pwn", "2026", "Baby's First Heap")); !os.IsNotExist(err) {
		t.Errorf("it is there still: %v", err)
	}
}

func TestAnIdIsMadeOfAnyName(t *testing.T) {
	for name, want := range map[string]string{
		"web-login": "web-login", "Baby's First Heap": "babys-first-heap", "RSA_2048 (easy)": "rsa-2048-easy",
		"  --x--  ": "x",
		"Ünïcode":   "n-code", "日本": "challenge-" + "8b7c6c4f", strings.Repeat("ab-", 30): strings.Repeat("ab-", 13) + "a",
		"": "challenge-e3b0c442", "..": "",
	} {
		got := challenge.DeriveID(name)
		if !host.ValidChallenge(got) || want != "" && got != want && !strings.HasPrefix(want, "challenge-") {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
	if challenge.DeriveID("日本") == challenge.DeriveID("中国") {
		t.Error("two names are one id")
	}
}
