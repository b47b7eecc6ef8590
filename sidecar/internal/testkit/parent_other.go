//go:build !linux

package testkit

import "syscall"

// EndsWithParent has no attributes to give: only Linux ends a process with its parent.
func EndsWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
