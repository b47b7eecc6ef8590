package whaley

import "time"

// Solve is that an owner has solved a challenge of CTFd.
type Solve struct {
	Owner         string
	CTFdChallenge int
	At            time.Time
}
