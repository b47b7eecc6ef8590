//go:build linux

package guest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// becomes is the argument with which the guest that stays starts itself as what becomes the program.
const becomes = "become"

// Descriptors of what becomes a program: what it is told, and where it answers.
const toldBy, answersBy = 3, 4

// children are the processes that a guest which stays has started, and those that are left to it.
type children struct {
	mu    sync.Mutex // also while one is started, so that none ends before it is known
	ended map[int]chan int
}

func newChildren() *children {
	c := &children{ended: map[int]chan int{}}
	died := make(chan os.Signal, 1)
	signal.Notify(died, unix.SIGCHLD)
	go func() {
		for range died {
			c.reap()
		}
	}()
	return c
}

// reap takes note of all that have ended; those that nobody knows are gone with it.
func (c *children) reap() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if ended := c.ended[pid]; ended != nil {
			ended <- codeOf(status)
			delete(c.ended, pid)
		}
	}
}

func codeOf(status unix.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// start starts a child that becomes what a message says, and returns when it does; an Outcome is why it does not.
func (c *children) start(m Message, files []uintptr, group bool) (pid int, ended <-chan int, err error) {
	text, err := json.Marshal(m)
	if err != nil {
		return 0, nil, err
	}
	told, tell, err := os.Pipe()
	if err != nil {
		return 0, nil, fmt.Errorf("start a child: %w", err)
	}
	answer, say, err := os.Pipe()
	if err != nil {
		return 0, nil, errors.Join(fmt.Errorf("start a child: %w", err), told.Close(), tell.Close())
	}
	defer answer.Close()
	pid, over, err := c.fork(append(files, told.Fd(), say.Fd()), group)
	told.Close()
	say.Close()
	if err != nil {
		return 0, nil, errors.Join(fmt.Errorf("start a child: %w", err), tell.Close())
	}
	_, err = tell.Write(text)
	if err = errors.Join(err, tell.Close()); err != nil {
		_ = unix.Kill(pid, unix.SIGKILL)
		return 0, nil, fmt.Errorf("tell a child what it is: %w", err)
	}
	return pid, over, listen(answer)
}

func (c *children) fork(files []uintptr, group bool) (int, <-chan int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	pid, err := syscall.ForkExec("/proc/self/exe", []string{Name, becomes}, &syscall.ProcAttr{
		Env: os.Environ(), Files: files, Sys: &syscall.SysProcAttr{Setpgid: group},
	})
	if err != nil {
		return 0, nil, err
	}
	over := make(chan int, 1)
	c.ended[pid] = over
	return pid, over, nil
}

// signalAll signals a program and whatever it has started: all there is in the container, or, where this is not the
// first process of one, the group that the program began.
func signalAll(pid int, what unix.Signal) {
	if os.Getpid() == 1 {
		_ = unix.Kill(-1, what)
		return
	}
	if pid > 1 {
		_ = unix.Kill(-pid, what)
	}
}

// runChild is what a child does: it becomes what it is told.
func runChild() (int, error) {
	order, environment, err := ordered(os.Environ())
	if err != nil {
		return failed, err
	}
	told, answer := os.NewFile(toldBy, "what it is told"), os.NewFile(answersBy, "its answer")
	var m Message
	if err := errors.Join(json.NewDecoder(told).Decode(&m), told.Close()); err != nil {
		return failed, fmt.Errorf("hear what it is: %w", err)
	}
	return becomeProgram(order, m, environment, answer)
}
