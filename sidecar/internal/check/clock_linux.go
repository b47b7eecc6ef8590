package check

import "golang.org/x/sys/unix"

const timeError = 5 // what adjtimex(2) calls TIME_ERROR

// clockSynchronised says whether the kernel knows of something that keeps this machine's clock right.
func clockSynchronised() bool {
	state, err := unix.Adjtimex(&unix.Timex{})
	return err != nil || state != timeError
}
