package testkit_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// outcome is a test that only notes how it ended.
type outcome struct {
	testing.TB
	skipped, failed string
}

func (o *outcome) Helper()           {}
func (o *outcome) Skip(args ...any)  { o.skipped = args[0].(string); runtime.Goexit() }
func (o *outcome) Fatal(args ...any) { o.failed = args[0].(string); runtime.Goexit() }

func need(part string) *outcome {
	o, ended := &outcome{}, make(chan struct{})
	go func() {
		defer close(ended)
		testkit.Need(o, part)
	}()
	<-ended
	return o
}

func TestWhatIsMissingSkipsATestOnlyOutsideCI(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
	t.Setenv("CI", "")
	if o := need(testkit.Docker); o.failed != "" || o.skipped == "" {
		t.Errorf("skipped: %q, failed: %q", o.skipped, o.failed)
	}
	t.Setenv("CI", "1")
	o := need(testkit.Docker)
	if o.skipped != "" || o.failed == "" {
		t.Errorf("in CI, skipped: %q, failed: %q", o.skipped, o.failed)
	}
	if !testing.Short() && !strings.Contains(o.failed, "scripts/need engine") {
		t.Errorf("it does not say how to get an engine: %q", o.failed)
	}
}

func TestAnUnknownPartIsNeverThere(t *testing.T) {
	t.Setenv("CI", "1")
	if o := need("a unicorn"); o.failed == "" {
		t.Error("the test went on")
	}
}
