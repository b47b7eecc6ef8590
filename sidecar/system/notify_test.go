package system

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestWhatAWebhookWasNotToldBeforeAPowerCutItIsToldAfterwards kills the sidecar while its webhook is out of order.
func TestWhatAWebhookWasNotToldBeforeAPowerCutItIsToldAfterwards(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	works, told, refused := false, "", 0
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if !works {
			refused++
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		told += string(body)
	}))
	defer hook.Close()
	s := start(
		t, "embedded", writeFixtures(t, "echo"), "DISCORD_WEBHOOK_URL="+hook.URL, "WEBHOOK_URL="+hook.URL,
		"WEBHOOK_SECRET=0123456789abcdef",
	)
	if got := s.do(alice, "GET", s.address(alice, "echo")+"/", nil); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	id := s.live(alice, "echo").ID
	s.eventually("both are tried", 40*time.Second, func() error {
		mu.Lock()
		defer mu.Unlock()
		if refused < 2 {
			return fmt.Errorf("%d tries", refused)
		}
		return nil
	})
	s.kill()
	mu.Lock()
	works = true
	mu.Unlock()
	s.serve()
	s.eventually("both are told of what was before", 60*time.Second, func() error {
		mu.Lock()
		defer mu.Unlock()
		for _, want := range []string{
			`"type":"instance_running","timestamp"`, `"instance":"` + id + `"`, `"title":"Instance started`,
		} {
			if !strings.Contains(told, want) {
				return fmt.Errorf("%s is not in %.2000s", want, told)
			}
		}
		return nil
	})
}
