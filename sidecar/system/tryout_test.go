package system

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestANewChallengeIsTestedAndSolved is an author's first minutes with the real binary: a new challenge is solved, one that is
// refused fails, and neither leaves anything.
func TestANewChallengeIsTestedAndSolved(t *testing.T) {
	binary, dir := static(t), t.TempDir()
	run := func(wants int, args ...string) string {
		t.Helper()
		command := exec.Command(binary, args...)
		command.Dir, command.Env = dir, append(os.Environ(), "TMPDIR="+t.TempDir(), "FLAG_PREFIX=EVENT")
		out, err := command.CombinedOutput()
		if command.ProcessState.ExitCode() != wants {
			t.Fatalf("whaley %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	run(0, "new", "web", "My Notes")
	if said := run(0, "test", "my-notes", "--solve"); !strings.Contains(
		said, "Solved: it printed EVENT{every_player_gets_another_text_here_",
	) {
		t.Errorf("%s", said)
	}
	compose := filepath.Join(dir, "my-notes", "compose.yaml")
	text, err := os.ReadFile(compose)
	if err == nil {
		err = os.WriteFile(compose, append(text, []byte("    privileged: true\n")...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if said := run(1, "test", "--solve", "my-notes"); !strings.Contains(said, "compose.yaml:4: services.app.privileged") {
		t.Errorf("%s", said)
	}
	for _, kind := range []string{"container", "network"} {
		list := []string{kind, "ls", "-q", "--filter", "label=whaley.challenge=my-notes"}
		if out, err := exec.Command("docker", list...).Output(); err != nil || len(bytes.TrimSpace(out)) > 0 {
			t.Errorf("docker %s: %v\n%s", strings.Join(list, " "), err, out)
		}
	}
}
