package system

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestABrowserSignsInOnItsWayToAWokenInstance(t *testing.T) {
	t.Parallel()
	s := startCompetition(t, writeFixtures(t, "echo", "guarded")).stack
	// It begins at a word of ours, when its network is there.
	browser := exec.Command("sh", "-c", "read go; exec node "+filepath.Join(root, "frontend", "e2e", "front-door.mjs"))
	browser.Dir = filepath.Join(root, "frontend")
	browser.Env = append(
		os.Environ(), "DASHBOARD="+s.dashboard, "TOKEN="+s.tokens[alice], "OTHER_TOKEN="+s.tokens[mallory], "EDGE="+ourEnd,
		"LINK="+s.address(alice, "echo"), "OWNER="+s.address(alice, "guarded"), "FOREIGN="+s.address(mallory, "guarded"),
	)
	browser.SysProcAttr = apart()
	var out bytes.Buffer
	browser.Stdout, browser.Stderr = &out, &out
	begin, err := browser.StdinPipe()
	if err == nil {
		err = browser.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	cable(t, browser.Process.Pid)
	listening(t, net.JoinHostPort(ourEnd, portOnly(t, s.web)), passedOn("tcp", s.web))
	fmt.Fprintln(begin, "go")
	err = browser.Wait()
	t.Logf("%s", out.String())
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
