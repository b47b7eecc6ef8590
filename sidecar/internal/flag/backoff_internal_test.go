package flag

import (
	"testing"
	"time"
)

// TestAnOutageIsSoonOver wants a flag that waited through hours without an answer to be tried soon after, and one that
// CTFd refused again and again less and less often.
func TestAnOutageIsSoonOver(t *testing.T) {
	for _, tries := range []int{0, 1, 4, 5, 30, 100_000} {
		if d := backoff(time.Second, tries, outageLong); d <= 0 || d > 20*time.Second {
			t.Errorf("after %d tries without an answer it waits %s", tries+1, d)
		}
		if d := backoff(retryFirst, tries, retryLong); d < retryFirst || d > 10*time.Minute {
			t.Errorf("after %d refusals it waits %s", tries+1, d)
		}
	}
}
