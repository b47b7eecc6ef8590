package whaley

import "time"

// A back-off doubles with each failure in a row.
const (
	firstBackoff   = 5 * time.Second
	LongestBackOff = time.Minute

	soon                = time.Minute // who ran longer costs little by being started again
	LossesBeforeBackOff = 2           // ends in a row, from which on there is a back-off: the first is followed at once
)

// BackedOff is a reason with the time to wait after so many failures in a row before this one, which doubles each time.
func BackedOff(reason *Error, before int) *Error {
	remembered := *reason
	remembered.RetryAfter = min(firstBackoff<<min(before, 10), LongestBackOff)
	return &remembered
}

// End notes why an instance that lives is to be taken down. One that ended by itself soon after it ran, as the one
// before it, makes its owner wait before the next, so that nobody keeps the engine busy by starting what ends at once.
func (in *Instance) End(cause string, now time.Time) {
	in.StopCause = cause
	switch {
	case cause != CauseLost && !TookTooMuch(cause):
		in.Losses = 0
		return
	case in.StartedAt.IsZero() || now.Sub(in.StartedAt) < soon:
		in.Losses++
	default:
		in.Losses = 1
	}
	if in.Losses < LossesBeforeBackOff {
		return
	}
	in.Reason = BackedOff(Errorf(Exhausted, "lost_again",
		"Your instance ended by itself %d times in a row, soon after it was started. It can be started again a little later.",
		in.Losses), in.Losses-LossesBeforeBackOff)
}

// BackOff is why an instance is not started again while its back-off lasts, with what is left of that, else nil: its
// start failed, or it ended by itself. It is in the row, so that every sidecar keeps to it, after a restart too.
func (in *Instance) BackOff(now time.Time) *Error {
	if in.State != Failed && in.State != Stopped || in.Reason == nil {
		return nil
	}
	left := in.EndedAt.Add(in.Reason.RetryAfter).Sub(now)
	if left <= 0 || left > 2*LongestBackOff { // the clock was put back since
		return nil
	}
	reason := *in.Reason
	reason.RetryAfter = left
	return &reason
}
