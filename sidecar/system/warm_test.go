package system

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What takes seconds until it listens answers its first visitor long before it could have been started for them.
func TestWhatStartsSlowlyAnswersItsFirstVisitorAtOnceIfItIsWarm(t *testing.T) {
	t.Parallel()
	const starts = 5 * time.Second
	folder := t.TempDir()
	writeFixture(t, filepath.Join(folder, "late-boot"), fixture{
		toml: "warm = 1\n" + httpRoute, env: fmt.Sprintf("START_DELAY_MS: \"%d\"", starts.Milliseconds()),
	})
	s := start(t, "embedded", folder, "WAITING=1")
	halted := func() error {
		out, err := exec.Command(
			"docker", "ps", "--quiet", "--filter", "status=paused", "--filter", "label=whaley.challenge=late-boot",
		).Output()
		if err == nil && strings.TrimSpace(string(out)) == "" {
			err = fmt.Errorf("nothing is warm")
		}
		return err
	}
	s.eventually("one is warm", time.Minute, halted)
	address := s.address(alice, "late-boot")
	began := time.Now()
	got := s.do(alice, "GET", address+"/", nil)
	took := time.Since(began)
	if got.Status != http.StatusOK || !strings.Contains(got.Body, "test server at /") || took > starts/2 {
		t.Errorf("after %s: %d %q", took, got.Status, got.Body)
	}
	t.Logf("the first byte came after %s of what takes %s to start", took.Round(time.Millisecond), starts)
	if in := s.live(alice, "late-boot"); in == nil || in.State != "running" {
		t.Errorf("its instance is %+v", in)
	}
}
