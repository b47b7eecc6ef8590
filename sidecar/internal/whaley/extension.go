package whaley

import "time"

// Extension is what the rule allows for an instance: after half of the challenge's time-out a step may be added, and
// all steps together at most one time-out.
type Extension struct {
	Step time.Duration // what the next extension adds; 0: nothing is left, or the challenge allows none
	From time.Time     // the first moment at which it is allowed
	Left time.Duration // what may still be added in all
}
