package tryout_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/tryout"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestWhatSolvesAChallengeIsItsSolveShOrItsSolver(t *testing.T) {
	python := &whaley.Solver{Command: []string{"python3", "solve.py"}, Service: "web"}
	for name, c := range map[string]struct {
		mode   os.FileMode // of solve.sh; 0: there is none
		solver *whaley.Solver
		want   string
	}{
		"solve.sh":                    {0o755, python, "./solve.sh"},
		"a solver of another kind":    {0, python, "python3 solve.py"},
		"solve.sh that is no program": {0o644, &whaley.Solver{Command: []string{"sh", "solve.sh"}}, "sh solve.sh"},
		"a solver in an image":        {0, &whaley.Solver{Image: "python:3", Command: []string{"x"}}, "whaley solve runs that"},
		"nothing":                     {0, nil, "chmod +x"},
	} {
		dir := t.TempDir()
		if c.mode != 0 {
			if err := os.WriteFile(filepath.Join(dir, "solve.sh"), nil, c.mode); err != nil {
				t.Fatal(err)
			}
		}
		command, err := tryout.Solver(&whaley.Challenge{Dir: dir, Solver: c.solver})
		got := strings.Join(command, " ")
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) || (err == nil) != (got == c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
