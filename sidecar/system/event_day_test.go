package system

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheCommandsOfTheEventDayThatNeedAnEngineWork runs those of the page as they stand there, from a folder like that of an
// author: a challenge is solved here and there, and one that comes late goes in. What needs no engine is tried in cmd/whaley.
func TestTheCommandsOfTheEventDayThatNeedAnEngineWork(t *testing.T) {
	t.Parallel()
	binary, author, event := static(t), t.TempDir(), t.TempDir()
	for _, to := range []string{
		filepath.Join(author, "challenges", "web-notes"), filepath.Join(author, "challenges", "late"), filepath.Join(event, "web-notes"),
	} {
		if err := os.CopyFS(to, os.DirFS(filepath.Join(root, "challenges", "web-notes"))); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, "embedded", event, "ADMIN_KEY="+seenKey)
	page, err := os.ReadFile(filepath.Join(root, "docs", "event-day.md"))
	if err != nil {
		t.Fatal(err)
	}
	says := map[string]string{"test": "Solved: it printed FLAG{", "solve": "Solved in ", "push": "closed to players"}
	for _, line := range regexp.MustCompile("(?m)^ *whaley ((?:test|solve|push) .*)$").FindAllStringSubmatch(string(page), -1) {
		args := strings.Fields(strings.ReplaceAll(line[1], "URL", "http://"+s.public))
		command := exec.Command(binary, args...)
		command.Dir = author
		command.Env = append(os.Environ(), "TMPDIR="+t.TempDir(), "ADMIN_KEY="+seenKey)
		out, err := command.CombinedOutput()
		if err != nil || !strings.Contains(string(out), says[args[0]]) {
			t.Errorf("whaley %s: %v\n%s", line[1], err, out)
		}
		delete(says, args[0])
	}
	if len(says) > 0 {
		t.Errorf("the page has no line that prints %v", says)
	}
}
