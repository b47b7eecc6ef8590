//go:build !linux

package tryout

import "syscall"

// groupThatEndsWithUs is a process group of its own: only Linux ends a process with the one that started it.
func groupThatEndsWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
