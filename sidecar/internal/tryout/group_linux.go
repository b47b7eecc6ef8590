package tryout

import "syscall"

// groupThatEndsWithUs is a process group of its own that is told to end when this process ends, however that ends.
func groupThatEndsWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
