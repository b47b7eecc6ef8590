package system

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Each of these takes what all share in another way, all at once, and every bound is a small one; an instance that does
// nothing of the kind stays, and another is started meanwhile.
func TestWhatAnInstanceHidesLittersAndPrintsIsFoundAndStopped(t *testing.T) {
	hogs := []struct{ player, probe, cause string }{
		{"127.0.2.1", "hide?path=/x&mb=40", "disk"},            // deleted, and still open
		{"127.0.2.2", "hide?path=/x&mb=40&how=map", "disk"},    // deleted, and only mapped
		{"127.0.2.3", "litter?path=/many&files=3000", "files"}, // empty ones
		{"127.0.2.4", "output?mb=3000", "output"},              // a minute's worth and more
	}
	s := startStack(t, &stack{binary: static(t)}, "127.0.0.1", "embedded", writeFixtures(t, "echo"),
		"CONTAINER_MAX_DISK=32m", "CONTAINER_MAX_FILES=2000", "CONTAINER_MAX_OUTPUT=100k", "DISK_RESERVE=0",
		"USER_RATE_LIMIT=0")
	s.running(alice, "echo")
	ids := make([]string, len(hogs))
	var all sync.WaitGroup
	for n, hog := range hogs {
		all.Go(func() {
			var in instance
			err := s.tryCall(hog.player, "POST", "/instances/spawn?wait=60", `{"challenge_id":"echo"}`, &in)
			if err != nil || in.State != "running" {
				t.Errorf("%s is %s: %v", hog.player, in.State, err)
				return
			}
			ids[n] = in.ID
			if got, err := s.try(hog.player, "GET", s.address(hog.player, "echo")+"/probe/"+hog.probe, nil); err != nil ||
				got.Status != http.StatusOK || got.Body != "done" {
				t.Errorf("%s: %v %d %s", hog.probe, err, got.Status, got.Body)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	began := time.Now()
	s.running(bob, "echo")
	for n, hog := range hogs {
		s.eventually(hog.probe+" is found and stopped", time.Minute, func() error {
			for line := range strings.Lines(s.log.String()) {
				if strings.Contains(line, "takes too much") && strings.Contains(line, "instance="+ids[n]) &&
					strings.Contains(line, "cause="+hog.cause) {
					return nil
				}
			}
			return fmt.Errorf("%s: nothing is said of it", ids[n])
		})
		t.Logf("%-28s is stopped for %s within %s", hog.probe, hog.cause, time.Since(began).Round(time.Second))
	}
	for _, hog := range hogs {
		s.eventually(hog.player+" is told", time.Minute, func() error {
			if now := s.live(hog.player, "echo"); now != nil && now.State == "running" {
				return fmt.Errorf("it is %s", now.State)
			}
			return nil
		})
	}
	if s.live(alice, "echo") == nil || s.live(bob, "echo") == nil {
		t.Error("an instance that took nothing is gone")
	}
}
