package system

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// metric reads one of the sidecar's own figures.
func (s *stack) metric(name string) float64 {
	s.t.Helper()
	r, err := http.NewRequest("GET", "http://"+s.public+"/metrics", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+metricsKey)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(text)
	if found == nil {
		s.t.Fatalf("there is no %s", name)
	}
	value, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return value
}

const metricsKey = "what the metrics are read with"

// TestAChallengeThatCrashesInALoopIsItsOwnTroubleOnly starts instances of which five services end at once, again and
// again.
func TestAChallengeThatCrashesInALoopIsItsOwnTroubleOnly(t *testing.T) {
	compose := "services:\n  web:\n    build: .\n"
	for n := 1; n <= 5; n++ {
		compose += fmt.Sprintf("  l%d:\n    build: .\n    restart: always\n    environment:\n      EXIT: \"1\"\n", n)
	}
	dir := t.TempDir()
	writeFixture(t, filepath.Join(dir, "loop"), fixture{compose: compose})
	writeFixture(t, filepath.Join(dir, "echo"), fixtures["echo"])
	s := start(t, "embedded", dir, "METRICS_SECRET="+metricsKey)
	s.running(bob, "echo")
	before := s.metric("go_goroutines")
	loops := []*instance{s.running(alice, "loop"), s.running(mallory, "loop")}
	most, slowest, asked := 0.0, time.Duration(0), 0
	for began := time.Now(); time.Since(began) < 20*time.Second; asked++ {
		most = max(most, s.metric("go_goroutines"))
		at := time.Now()
		if s.live(bob, "echo") == nil {
			t.Fatal("somebody else's instance is gone")
		}
		slowest = max(slowest, time.Since(at))
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf(
		"%.0f goroutines before, %.0f at the most; the slowest of %d lists took %s", before, most, asked,
		slowest.Round(time.Millisecond),
	)
	if most > before+60 { // of connections to the engine and of these requests, mostly
		t.Errorf("%.0f goroutines, and %.0f before", most, before)
	}
	for n, owner := range []string{alice, mallory} {
		if got := s.do(owner, "GET", loops[n].Routes[0].URL+"/", nil); got.Status != http.StatusOK {
			t.Errorf("the service that goes on answers %d %.200s", got.Status, got.Body)
		}
	}
}

// endless is what nobody else on this machine runs.
var endless = fmt.Sprint("sleep ", 1000000+os.Getpid())

// builds wants so many containers in which the endless image is built.
func (s *stack) builds(want int) error {
	out, err := exec.Command("docker", "ps", "--no-trunc", "--format", "{{.Command}}").Output()
	if n := strings.Count(string(out), endless); err == nil && n != want {
		return fmt.Errorf("%d containers build", n)
	}
	return err
}

// TestABuildWithoutEndHoldsUpNobodysStart opens a challenge whose image is never done, from as many addresses as there
// are slots, and starts another that has to be built too.
func TestABuildWithoutEndHoldsUpNobodysStart(t *testing.T) {
	dir := t.TempDir()
	writeFixture(t, filepath.Join(dir, "endless"), fixture{})
	write(t, filepath.Join(dir, "endless", "Dockerfile"), "FROM busybox:1.36\nRUN "+endless+"\n")
	writeFixture(t, filepath.Join(dir, "echo"), fixtures["echo"])
	s := start(t, "embedded", dir, "SPAWN_CONCURRENCY=4", "START_TIMEOUT=20")
	visitor := func(n int) string { return fmt.Sprintf("127.0.7.%d", n+1) }
	for n := range 8 {
		s.call(visitor(n), "POST", "/instances/spawn", `{"challenge_id":"endless"}`, nil)
	}
	s.eventually("the endless build runs", 60*time.Second, func() error { return s.builds(1) })
	began := time.Now()
	in := s.running(alice, "echo")
	t.Logf(
		"an honest start took %s beside eight that wait for a build without end", time.Since(began).Round(time.Millisecond),
	)
	if waiting := s.live(visitor(0), "endless"); waiting == nil || waiting.State != "queued" || waiting.EstimateMS <= 0 {
		t.Errorf("one that waits for the build: %+v", waiting)
	}
	s.call(alice, "DELETE", "/instances/"+in.ID, "", nil)

	// Taken away, nothing of it is built on, and who waited is told.
	if err := os.RemoveAll(filepath.Join(dir, "endless")); err != nil {
		t.Fatal(err)
	}
	s.process.Process.Signal(syscall.SIGHUP)
	s.eventually("the build is given up", 60*time.Second, func() error { return s.builds(0) })
	s.eventually("who waited is told", 30*time.Second, func() error {
		if now := s.live(visitor(0), "endless"); now == nil || now.State != "failed" ||
			now.Problem.Code != "challenge_not_found" {
			return fmt.Errorf("%+v", now)
		}
		return nil
	})
}
