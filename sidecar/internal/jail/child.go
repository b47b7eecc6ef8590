//go:build linux

package jail

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// ended is the exit code of a program, as a shell tells it.
type ended int

func (e ended) Error() string { return fmt.Sprintf("the program ended with %d", int(e)) }

// children are the processes of programs. One loop waits for all of them, as a thread for each would count against the
// container's limit of processes.
type children struct {
	mu     sync.Mutex
	of     map[int]chan error // process → how it ended
	signal chan os.Signal
}

// spareThreads are made at once: where players have taken all processes of the container, there would be no further one
// for this program, which the runtime does not survive.
const spareThreads = 4

func follow() *children {
	var all sync.WaitGroup
	begin := make(chan struct{})
	for range spareThreads {
		all.Add(1)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			all.Done()
			<-begin
		}()
	}
	all.Wait()
	close(begin)
	c := &children{of: map[int]chan error{}, signal: make(chan os.Signal, 1)}
	signal.Notify(c.signal, syscall.SIGCHLD)
	go func() {
		for range c.signal {
			c.reap()
		}
	}()
	return c
}

func (c *children) stop() {
	signal.Stop(c.signal)
	close(c.signal)
}

// start runs a program in a session of its own.
func (c *children) start(path string, args, env []string, files []uintptr) (int, <-chan error, error) {
	c.mu.Lock() // one at a time, and none is reaped before it is known
	defer c.mu.Unlock()
	pid, err := syscall.ForkExec(
		path, args, &syscall.ProcAttr{Dir: "/", Env: env, Files: files, Sys: &syscall.SysProcAttr{Setsid: true}},
	)
	if err != nil {
		return 0, nil, err
	}
	end := make(chan error, 1)
	c.of[pid] = end
	return pid, end, nil
}

// reap takes note of all that have ended, also of what programs have left behind.
func (c *children) reap() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		end, ours := c.of[pid]
		if !ours {
			continue
		}
		delete(c.of, pid)
		switch {
		case status.Exited() && status.ExitStatus() == 0:
			end <- nil
		case status.Signaled():
			end <- ended(128 + int(status.Signal()))
		default:
			end <- ended(status.ExitStatus())
		}
	}
}

// once runs the program to its end, or to that of its time, and ends whatever it leaves behind.
func (j *Jail) once(ctx context.Context, in, out, problems uintptr) error {
	if j.Config.Time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, j.Config.Time)
		defer cancel()
	}
	uid := 0
	if j.own {
		uid = ownUser()
	}
	setting, err := j.setting(uid)
	if err != nil {
		return err
	}
	if j.Config.QuietErrors {
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer null.Close()
		problems = null.Fd()
	}
	pid, end, err := j.children.start(
		"/proc/self/exe", []string{entering}, append(os.Environ(), settingOf+"="+setting), []uintptr{in, out, problems},
	)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	select {
	case err = <-end:
	case <-ctx.Done():
		_ = syscall.Kill(-pid, syscall.SIGKILL)
		select {
		case err = <-end:
		case <-time.After(10 * time.Second): // it is stuck in the kernel, and so is not waited for
		}
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL) // what is left of its session
	j.sweep(uid)
	return err
}
