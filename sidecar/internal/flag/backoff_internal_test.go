package flag

import (
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
)

// TestAnOutageIsSoonOver wants a flag that waited through hours without an answer to be tried soon after, and one that
// CTFd refused again and again less and less often.
func TestAnOutageIsSoonOver(t *testing.T) {
	for _, tries := range []int{0, 1, 4, 5, 30, 100_000} {
		if d := loop.Doubled(time.Second, outageLong, tries); d <= 0 || d > 20*time.Second {
			t.Errorf("after %d tries without an answer it waits %s", tries+1, d)
		}
		if d := loop.Doubled(retryFirst, retryLong, tries); d < retryFirst || d > 10*time.Minute {
			t.Errorf("after %d refusals it waits %s", tries+1, d)
		}
	}
}
