package faulttest

import (
	"context"
	"os/exec"
	"strings"
	"testing"
)

// TestWhatIsNotOursIsNeverTouched puts objects beside ours that look like them, and lets everything be swept.
func TestWhatIsNotOursIsNeverTouched(t *testing.T) {
	w := newWorld(t, 9)
	s := w.start(newFaults("", ""))
	if outcome := w.live(s, "player"); outcome != "ran and stopped" {
		t.Fatal(outcome)
	}
	image := "whaley/echo-web:" + w.library.All()[0].Revision
	docker := func(arguments ...string) string {
		t.Helper()
		out, err := exec.Command("docker", arguments...).CombinedOutput()
		if err != nil {
			t.Fatalf("docker %v: %v %s", arguments, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	labels := []string{
		"--label", "whaley.managed=true", "--label", "whaley.instance=echo-player-0000", "--label", "whaley.challenge=echo",
		"--label", "com.docker.compose.project=echo-player-0000",
	}
	var undo [][]string
	t.Cleanup(func() {
		for _, arguments := range undo {
			exec.Command("docker", arguments...).Run()
		}
	})
	with := func(undoing []string, arguments ...string) {
		t.Helper()
		undo = append([][]string{undoing}, undo...)
		exec.Command("docker", undoing...).Run() // a killed test may have left it
		docker(arguments...)
	}
	for n, more := range [][]string{nil, {"--label", "whaley.deployment=another"}, {"--label", "whaley.deployment="}} {
		name := "whaley-lookalike-" + string(rune('a'+n))
		all := append(append([]string{}, labels...), more...)
		with([]string{"network", "rm", name}, append(append([]string{"network", "create"}, all...), name)...)
		with([]string{"volume", "rm", name}, append(append([]string{"volume", "create"}, all...), name)...)
		with([]string{"rm", "-f", name}, append(append([]string{"run", "-d", "--name", name}, all...), image)...)
	}
	count := func() string {
		return docker("ps", "-aq", "--filter", "name=whaley-lookalike") +
			docker("network", "ls", "-q", "--filter", "name=whaley-lookalike") +
			docker("volume", "ls", "-q", "--filter", "name=whaley-lookalike")
	}
	before := count()
	if err := s.Reconcile(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.end()
	next := w.start(newFaults("", ""))
	defer next.end()
	w.clean("after a sweep")
	if after := count(); after != before || len(strings.Fields(strings.ReplaceAll(before, "whaley", " whaley"))) < 3 {
		t.Errorf("before %q, after %q", before, after)
	}
}
