package app

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// ours are the goroutines that run code of this project, but for the one that asks.
func ours() []string {
	stacks := make([]byte, 4<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var found []string
	for _, one := range strings.Split(string(stacks), "\n\n") {
		if strings.Contains(one, "whaley-ctf/whaley") && !strings.Contains(one, "main.ours(") {
			found = append(found, one)
		}
	}
	return found
}

func TestNothingOfAServerRunsOnceItHasStopped(t *testing.T) {
	before := len(ours())
	t.Setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
	public := testkit.FreeAddress(t)
	env := map[string]string{
		"DATA_DIR": t.TempDir(), "CHALLENGES_DIR": t.TempDir(), "FIREWALL": "off", "LOG_LEVEL": "error",
		"METRICS_SECRET": "a secret of those who scrape",
		"LISTEN":         public, "INTERNAL_LISTEN": "127.0.0.1:0", "EDGE_LISTEN": "127.0.0.1:0",
		"EDGE_TLS_LISTEN": "127.0.0.1:0",
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, env, &strings.Builder{}) }()
	defer func() { end(); <-ended }()
	testkit.Eventually(t, time.Minute, "it answers", func() error {
		answer, err := http.Get("http://" + public + "/config")
		if err != nil {
			return err
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("health says %s", answer.Status)
		}
		return nil
	})
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	ended <- nil // for the deferred
	// A goroutine that has done its last act may still be on its way out.
	left := ours()
	for deadline := time.Now().Add(time.Second); len(left) > before && time.Now().Before(deadline); left = ours() {
		time.Sleep(time.Millisecond)
	}
	if len(left) > before {
		t.Errorf("%d goroutines are left:\n%s", len(left)-before, strings.Join(left, "\n\n"))
	}
}
