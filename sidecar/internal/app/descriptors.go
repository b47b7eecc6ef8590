package app

import "syscall"

// maxStreams is how many event streams may be open. However few files the system lets this process have open, most of
// them stay for everything else.
func maxStreams() int {
	const most, share = 5000, 4
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil || limit.Cur > most*share {
		return most
	}
	return int(limit.Cur) / share
}
