package challenge_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
)

// Each hostile file says itself, behind the line in question, what must be refused there: # refused: key: part of the
// text. Nothing else may be.
func TestEveryHostileFileIsRefusedByLineAndKey(t *testing.T) {
	files, err := filepath.Glob("testdata/hostile/*.yaml")
	if err != nil || len(files) < 80 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	t.Setenv("ADMIN_KEY", "hunter2")
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			compose, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			dir := folder(t, oneRoute, string(compose), "file", "x", "passed.env", "KEY=${ADMIN_KEY}\n")
			if err := os.Symlink("/etc", filepath.Join(dir, "link")); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_, err = load(t, dir)
			var got challenge.Problems
			if !errors.As(err, &got) {
				t.Fatalf("not refused: %v", err)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the process's environment is in\n%v", err)
			}
			want := expected(string(compose))
			for _, p := range got {
				n := slices.IndexFunc(want, func(w refusal) bool { return w.line == p.Line && w.key == p.Key && strings.Contains(p.Text, w.text) })
				if n < 0 || p.File != "web-test/compose.yaml" {
					t.Errorf("not expected: %s", p)
					continue
				}
				want = slices.Delete(want, n, n+1)
			}
			for _, w := range want {
				t.Errorf("not refused: line %d, %s: %s\ngot\n%v", w.line, w.key, w.text, err)
			}
		})
	}
	t.Logf("%d hostile files", len(files))
}

type refusal struct {
	line      int
	key, text string
}

func expected(compose string) []refusal {
	var all []refusal
	for n, line := range strings.Split(compose, "\n") {
		for _, said := range strings.Split(line, "  # refused: ")[1:] {
			key, text, found := strings.Cut(said, ": ")
			if strings.HasPrefix(said, ": ") {
				key, text, found = "", said[2:], true
			}
			if !found {
				panic(fmt.Sprintf("%q", said))
			}
			all = append(all, refusal{n + 1, key, text})
		}
	}
	return all
}
