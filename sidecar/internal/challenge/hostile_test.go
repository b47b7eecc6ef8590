package challenge_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
)

// Each file says itself, behind the line in question, what must be found there: # refused: key: part of the text, or
// # noted: key: part of the text. Nothing else may be. Files of hostile are refused, those of noted load.
func TestEveryHostileFileIsRefusedByLineAndKey(t *testing.T) { readCorpus(t, "hostile", 80, false) }

func TestWhatIsHarmlessIsTakenAndNotedByLineAndKey(t *testing.T) { readCorpus(t, "noted", 60, true) }

func readCorpus(t *testing.T, corpus string, least int, loads bool) {
	files, err := filepath.Glob("testdata/" + corpus + "/*.yaml")
	if err != nil || len(files) < least {
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
			ch, err := load(t, dir)
			var got challenge.Problems
			if loads {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				for _, n := range ch.Notes {
					got = append(got, challenge.Problem{File: n.File, Line: n.Line, Key: n.Key, Text: n.Text, Note: true})
				}
			} else if !errors.As(err, &got) {
				t.Fatalf("not refused: %v", err)
			}
			if said := fmt.Sprintf("%+v %v", ch, err); strings.Contains(said, "hunter2") {
				t.Errorf("the process's environment is in\n%s", said)
			}
			want := expected(string(compose))
			for _, p := range got {
				n := slices.IndexFunc(want, func(w finding) bool {
					return w.note == p.Note && w.line == p.Line && w.key == p.Key && strings.Contains(p.Text, w.text)
				})
				if n < 0 || p.File != "web-test/compose.yaml" {
					t.Errorf("not expected: %s", p)
					continue
				}
				want = slices.Delete(want, n, n+1)
			}
			for _, w := range want {
				t.Errorf("not found: line %d, %s: %s\ngot\n%v", w.line, w.key, w.text, got)
			}
		})
	}
	t.Logf("%d %s files", len(files), corpus)
}

type finding struct {
	line      int
	key, text string
	note      bool
}

func expected(compose string) []finding {
	var all []finding
	for n, line := range strings.Split(compose, "\n") {
		for _, said := range strings.Split(line, "  # ")[1:] {
			mark := markForm.FindStringSubmatch(said)
			if mark == nil {
				panic(fmt.Sprintf("line %d: %q is no mark", n+1, said))
			}
			all = append(all, finding{line: n + 1, key: mark[2], text: mark[3], note: mark[1] == "noted"})
		}
	}
	return all
}

// markForm is what is found on a line, of which key (none: the whole file), and what is said.
var markForm = regexp.MustCompile(`^(refused|noted): ([^ ]*?): (.*)$`)
