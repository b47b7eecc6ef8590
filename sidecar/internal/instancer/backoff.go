package instancer

import "time"

const (
	firstBackoff = 5 * time.Second
	lastBackoff  = time.Minute
)

// backedOff is a reason with the time to wait after so many failures in a row before this one, which doubles each time.
func backedOff(reason *Error, before int) *Error {
	remembered := *reason
	remembered.RetryAfter = min(firstBackoff<<min(before, 10), lastBackoff)
	return &remembered
}

// BackOff is why an instance's start failed while its back-off lasts, with what is left of that, else nil. It is in the
// row, so that every sidecar keeps to it, after a restart too.
func (in *Instance) BackOff(now time.Time) *Error {
	if in.State != Failed || in.Reason == nil {
		return nil
	}
	left := in.EndedAt.Add(in.Reason.RetryAfter).Sub(now)
	if left <= 0 || left > 2*lastBackoff { // the clock was put back since
		return nil
	}
	reason := *in.Reason
	reason.RetryAfter = left
	return &reason
}
