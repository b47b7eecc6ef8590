package challenge_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// history keeps in memory what a library notes.
type history struct {
	noted []whaley.Revision
	files map[string]string
}

func (h *history) ChallengeSettings(context.Context) (map[string]whaley.ChallengeSetting, error) {
	return nil, nil
}
func (h *history) SetChallenge(context.Context, whaley.ChallengeSetting, whaley.Event) error {
	return nil
}
func (h *history) Record(context.Context, whaley.Event) error { return nil }

func (h *history) ForgetChallenge(context.Context, string) error { return nil }
func (h *history) NoteRevisions(_ context.Context, loaded []whaley.Revision) (bare []string, err error) {
	h.noted = append(h.noted, loaded...)
	for _, l := range loaded {
		bare = append(bare, l.Challenge)
	}
	return bare, nil
}
func (h *history) KeepRevisionFiles(_ context.Context, _, revision, files string) error {
	h.files[revision] = files
	return nil
}

// told is a difference as one text.
func told(c challenge.Changes) string {
	var out strings.Builder
	for _, f := range c.Files {
		fmt.Fprintf(&out, "%s %s text=%v cut=%v %d→%d\n", f.Change, f.Path, f.Text, f.Cut, f.Before.Size, f.After.Size)
		for _, h := range f.Hunks {
			fmt.Fprintf(&out, "@%d %d\n", h.Before, h.After)
			for _, l := range h.Lines {
				fmt.Fprintf(&out, "%s%s\n", l.Kind, l.Text)
			}
		}
	}
	return out.String()
}

// between is how the last two revisions that were noted differ.
func (h *history) between(t *testing.T) challenge.Changes {
	t.Helper()
	n := len(h.noted)
	changes, err := challenge.Compare(h.files[h.noted[n-2].Revision], h.files[h.noted[n-1].Revision])
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func kept(t *testing.T) (*libraryWorld, *history) {
	t.Helper()
	s, h := newLibraryWorld(t), &history{files: map[string]string{}}
	s.put("web/instance.toml", oneRoute)
	s.put("web/compose.yaml", "services:\n  web: {image: x}\n")
	s.library.UseSettings(h)
	return s, h
}

func TestTwoRevisionsAreComparedByFileAndLine(t *testing.T) {
	s, h := kept(t)
	s.put("web/a/one", "1\n")
	s.put("web/a.txt", "a\nb\nc\nd\ne\nf\ng\n")
	s.put("web/gone", "gone\n")
	s.put("web/run.sh", "#!/bin/sh\n")
	s.put("web/picture", "\x00\x01")
	s.put("web/large", strings.Repeat("x\n", 100_000))
	s.reload()
	s.put("web/a.txt", "a\nb\nc\nd\ne\nf\nG")
	s.put("web/a/two", "2\n")
	s.put("web/picture", "\x00\x02!")
	s.put("web/large", strings.Repeat("y\n", 100_000))
	err := os.Remove(filepath.Join(s.dir, "web/gone"))
	if err == nil {
		err = os.Chmod(filepath.Join(s.dir, "web/run.sh"), 0o755)
	}
	if err == nil {
		err = os.Symlink("a.txt", filepath.Join(s.dir, "web/link"))
	}
	if err != nil {
		t.Fatal(err)
	}
	s.reload()
	want := `added a/two text=true cut=false 0→2
@1 1
+2
changed a.txt text=true cut=false 14→13
@4 4
 d
 e
 f
-g
+G
 \ no line break at the end of the file
removed gone text=true cut=false 5→0
@1 1
-gone
changed large text=false cut=false 200000→200000
added link text=true cut=false 0→5
@1 1
+a.txt
 \ no line break at the end of the file
changed picture text=false cut=false 2→3
mode run.sh text=true cut=false 10→10
`
	if got := told(h.between(t)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	all, err := challenge.Compare("", h.files[h.noted[0].Revision])
	if err != nil || len(all.Files) != 8 {
		t.Errorf("against nothing: %d files, %v", len(all.Files), err)
	}
}

func TestADifferenceIsBoundedHoweverMuchChanged(t *testing.T) {
	s, h := kept(t)
	random := rand.New(rand.NewPCG(1, 2))
	noise := func() string {
		var text bytes.Buffer
		for range 20_000 {
			fmt.Fprintf(&text, "%d\n", random.IntN(50))
		}
		return text.String() + strings.Repeat("ü", 20_000)
	}
	for range 2 {
		few := noise()[:1000]
		for n := range 600 {
			s.put(fmt.Sprintf("web/many/%d", n), fmt.Sprint(n, few))
		}
		s.put("web/a", noise())
		s.put("web/b", strings.Repeat("ü", 20_000)+noise()[:100])
		s.reload()
	}
	began := time.Now()
	changes := h.between(t)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	lines := 0
	for _, f := range changes.Files {
		for _, h := range f.Hunks {
			lines += len(h.Lines)
			for _, l := range h.Lines {
				if len(l.Text) > 1100 {
					t.Fatalf("a line of %d bytes", len(l.Text))
				}
			}
		}
	}
	if len(changes.Files) != 500 || changes.More != 102 || lines < 1900 || lines > 2700 {
		t.Errorf("%d files, %d more, %d lines", len(changes.Files), changes.More, lines)
	}
	if first := changes.Files[0]; first.Path != "a" || !first.Cut {
		t.Errorf("%s says cut=%v", first.Path, first.Cut)
	}
	if size := len(h.files[h.noted[0].Revision]); size > 2<<20 {
		t.Errorf("%d bytes are kept of a revision", size)
	}
}

func TestTheHistorySaysHowARevisionCame(t *testing.T) {
	s, h := kept(t)
	ctx := context.Background()
	s.reload()
	edit := func(text string) func(*os.Root) error {
		return func(root *os.Root) error { return root.WriteFile("note", []byte(text), 0o644) }
	}
	if _, err := s.library.Edit(ctx, "web", "Ada", true, edit("1")); err != nil {
		t.Fatal(err)
	}
	s.put("web/note", "2")
	if _, err := s.library.ReloadOne(ctx, "web", "Ben"); err != nil {
		t.Fatal(err)
	}
	s.put("web/note", "3")
	if _, err := s.library.ReloadBy(ctx, "Cleo"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.library.Edit(ctx, "web", "Dan", false, edit("4")); err != nil { // more edits follow
		t.Fatal(err)
	}
	if _, err := s.library.Edit(ctx, "web", "Eve", true, edit("5")); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range h.noted {
		got = append(got, string(n.Origin)+":"+n.By)
	}
	if want := "files: edit:Ada reload:Ben reload:Cleo edit:Eve"; strings.Join(got, " ") != want {
		t.Errorf("%s, want %s", got, want)
	}
}
