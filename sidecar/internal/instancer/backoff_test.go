package instancer

import (
	"testing"
	"time"
)

func TestABackOffDoublesAndEndsAlsoWhenTheClockIsPutBack(t *testing.T) {
	now := time.Now()
	reason := Errorf(Unavailable, "service_exited", "It ended.")
	for before, want := range map[int]time.Duration{0: 5 * time.Second, 1: 10 * time.Second, 3: 40 * time.Second, 4: time.Minute, 1000: time.Minute} {
		in := &Instance{State: Failed, EndedAt: now, Reason: backedOff(reason, before)}
		for after, left := range map[time.Duration]time.Duration{
			0: want, 4 * time.Second: want - 4*time.Second, want: 0, time.Hour: 0, -time.Second: want + time.Second, -time.Hour: 0,
		} {
			switch got := in.BackOff(now.Add(after)); {
			case left == 0 && got != nil:
				t.Errorf("after %d failures before it, %s later it is refused: %v", before, after, got)
			case left > 0 && (got == nil || got.RetryAfter != left || got.Code != reason.Code):
				t.Errorf("after %d failures before it, %s later: %v, want %s", before, after, got, left)
			}
		}
		for _, state := range []State{Queued, Running, Stopped} {
			if in.State = state; in.BackOff(now) != nil {
				t.Errorf("one that is %s is refused", state)
			}
		}
	}
	if reason.RetryAfter != 0 {
		t.Error("the reason itself was changed")
	}
}
