package starter_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/starter"
	"github.com/whaley-ctf/whaley/sidecar/internal/tryout"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Every kind loads without a refusal, with a flag of each owner's own, and has a solver that can be run.
func TestEveryNewChallengeLoadsWithAFlagOfItsOwn(t *testing.T) {
	defaults := challenge.Defaults{Timeout: time.Hour, Access: whaley.AccessLink, FlagPrefix: "EVENT",
		Limits: whaley.Limits{MemoryBytes: 1 << 30, NanoCPUs: 1e9, Pids: 256}}
	for _, kind := range starter.Kinds {
		dir := t.TempDir()
		made, err := starter.Make(dir, kind.Name, "Baby's First", "EVENT")
		if err != nil {
			t.Errorf("%s: %v", kind.Name, err)
			continue
		}
		folder := filepath.Join(dir, "babys-first")
		ch, err := challenge.Load(t.Context(), folder, defaults)
		switch {
		case err != nil:
			t.Errorf("%s: %v", kind.Name, err)
		case ch.ID != "babys-first" || ch.Name != "Baby's First" || !ch.Flag.Dynamic:
			t.Errorf("%s: %s, %s, %+v", kind.Name, ch.ID, ch.Name, ch.Flag)
		case kind.Name != "bot" && len(ch.Notes) > 0:
			t.Errorf("%s: %+v", kind.Name, ch.Notes)
		}
		if err != nil {
			continue
		}
		// What an author tries is what proves it to the organisers, and is run by itself.
		if command, err := tryout.Solver(ch); err != nil || !slices.Equal(command, []string{"./solve.sh"}) ||
			ch.Solver == nil || !slices.Equal(ch.Solver.Command, command) || ch.Solver.Image != "" {
			t.Errorf("%s: whaley test runs %q, %v; the sidecar %+v", kind.Name, command, err, ch.Solver)
		}
		for _, name := range made {
			if text, err := os.ReadFile(name); err != nil ||
				strings.Contains(string(text), "@") && !strings.Contains(string(text), "puppeteer-core@") {
				t.Errorf("%s: %v %s", name, err, text)
			}
		}
		if _, err := starter.Make(dir, kind.Name, "babys first", "EVENT"); err == nil ||
			!strings.Contains(err.Error(), "take another name") {
			t.Errorf("%s over one that is there: %v", kind.Name, err)
		}
	}
	for _, c := range [][2]string{{"none", "a"}, {"", "a"}, {"../kinds/web", "a"}, {"web", "../a"}, {"web", "a\"b"}} {
		if _, err := starter.Make(t.TempDir(), c[0], c[1], "EVENT"); err == nil {
			t.Errorf("%q was made", c)
		}
	}
}
