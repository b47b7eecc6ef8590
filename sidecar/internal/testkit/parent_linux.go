package testkit

import "syscall"

// EndsWithParent are attributes of a process that is killed when the one that started it ends, however that ends.
func EndsWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
