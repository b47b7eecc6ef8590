package whaley

import (
	"testing"
	"time"
)

func TestABackOffDoublesAndEndsAlsoWhenTheClockIsPutBack(t *testing.T) {
	now := time.Now()
	reason := Errorf(Unavailable, "service_exited", "It ended.")
	for before, want := range map[int]time.Duration{
		0: 5 * time.Second, 1: 10 * time.Second, 3: 40 * time.Second, 4: time.Minute, 1000: time.Minute,
	} {
		in := &Instance{State: Failed, EndedAt: now, Reason: BackedOff(reason, before)}
		for after, left := range map[time.Duration]time.Duration{
			0: want, 4 * time.Second: want - 4*time.Second, want: 0, time.Hour: 0, -time.Second: want + time.Second,
			-time.Hour: 0,
		} {
			switch got := in.BackOff(now.Add(after)); {
			case left == 0 && got != nil:
				t.Errorf("after %d failures before it, %s later it is refused: %v", before, after, got)
			case left > 0 && (got == nil || got.RetryAfter != left || got.Code != reason.Code):
				t.Errorf("after %d failures before it, %s later: %v, want %s", before, after, got, left)
			}
		}
		for _, state := range []State{Queued, Running, Stopping} {
			if in.State = state; in.BackOff(now) != nil {
				t.Errorf("one that is %s is refused", state)
			}
		}
	}
	if reason.RetryAfter != 0 {
		t.Error("the reason itself was changed")
	}
}

func TestWhoeverLosesInstancesSoonAndInARowWaitsBeforeTheNext(t *testing.T) {
	now := time.Now()
	in := &Instance{State: Stopped, EndedAt: now}
	next := func(cause string, ran, want time.Duration) {
		t.Helper()
		in.Reason, in.StartedAt = nil, now.Add(-ran)
		in.End(cause, now)
		if got := in.BackOff(now); want == 0 && got != nil || want > 0 && (got == nil || got.RetryAfter != want) {
			t.Errorf("%s after %s, the loss number %d: %v, want %s", cause, ran, in.Losses, got, want)
		}
	}
	next(CauseLost, time.Second, 0)
	next(CauseLost, time.Second, 5*time.Second)
	next(CauseDisk, time.Second, 10*time.Second)
	next(CauseLost, 2*time.Minute, 0) // it was worth its start
	next(CauseLost, time.Second, 5*time.Second)
	next(CausePlayer, time.Second, 0)
	next(CauseLost, time.Second, 0)
	for range 100 {
		in.End(CauseLost, now)
	}
	next(CauseLost, time.Second, time.Minute)
	next(CauseExpired, time.Hour, 0)
}
