package system

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestABrowserSignsInOnItsWayToAWokenInstance(t *testing.T) {
	s := startCompetition(t, writeFixtures(t, "echo", "guarded")).stack
	browser := exec.Command("node", filepath.Join(root, "frontend", "e2e", "front-door.mjs"))
	browser.Dir = filepath.Join(root, "frontend")
	browser.Env = append(os.Environ(), "DASHBOARD="+s.dashboard, "TOKEN="+s.tokens[alice], "OTHER_TOKEN="+s.tokens[mallory],
		"LINK="+s.address(alice, "echo"), "OWNER="+s.address(alice, "guarded"), "FOREIGN="+s.address(mallory, "guarded"))
	out, err := browser.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("the browser: %v", err)
	}
	if s.live(alice, "echo") == nil || s.live(alice, "guarded") == nil {
		t.Error("nothing runs")
	}
	if in := s.live(mallory, "guarded"); in != nil {
		t.Errorf("a foreign address woke %s", in.ID)
	}
}
