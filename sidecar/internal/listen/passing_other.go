//go:build !linux

package listen

import "syscall"

// passingErrors are what is scarce for now; only Linux also reports errors of one connection to the listener.
var passingErrors = []syscall.Errno{
	syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EINTR, syscall.EAGAIN, syscall.ECONNABORTED,
}
