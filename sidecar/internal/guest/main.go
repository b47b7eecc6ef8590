//go:build linux

package guest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/lookpath"
)

const hearTime = 10 * time.Second // for the whole of a message, once it has begun

// Main waits at the gate and becomes the program. It returns only if that fails, with the exit code.
func Main() int {
	run := func() (int, error) { return run(Folder) }
	if len(os.Args) > 1 && os.Args[1] == becomes {
		run = runChild
	}
	code, err := run()
	fmt.Fprintln(os.Stderr, "whaley's guest:", err)
	return code
}

func run(folder string) (code int, err error) {
	order, environment, err := ordered(os.Environ())
	if err != nil {
		return failed, err
	}
	if order.Port != 0 {
		return attend(order)
	}
	m, err := wait(filepath.Join(folder, Gate), order.Hash)
	if err != nil {
		return failed, err
	}
	answer, err := os.OpenFile(filepath.Join(folder, Answer), os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return failed, fmt.Errorf("nobody listens any more: %w", err)
	}
	return becomeProgram(order, m, environment, answer)
}

// becomeProgram becomes the program, which it says before. It returns only if that fails.
func becomeProgram(order Order, m Message, environment []string, answer io.WriteCloser) (code int, err error) {
	if len(m.Argv) > 0 {
		order.Argv = m.Argv
	}
	program, environment, code, err := prepare(order, m, environment)
	if told := say(answer, code, err); err != nil || told != nil {
		return code, errors.Join(err, told)
	}
	return notRunnable, fmt.Errorf("run %s: %w", program, syscall.Exec(program, order.Argv, environment))
}

// prepare does all but to become the program: that one's file and environment, or why not and the exit code for it.
func prepare(order Order, m Message, environment []string) (program string, _ []string, code int, err error) {
	for _, p := range m.Patches {
		if err := patch(p); err != nil {
			return "", nil, failed, err
		}
	}
	if err := addHosts(m.Hosts); err != nil {
		return "", nil, failed, err
	}
	who, err := identify(order)
	if err != nil {
		return "", nil, notRunnable, err
	}
	if !order.Home {
		environment = with(environment, "HOME="+who.home)
	}
	environment = with(environment, m.Env...)
	if err := become(who, order.Keep); err != nil {
		return "", nil, failed, err
	}
	if program, err = lookpath.Find(order.Argv[0], environment, ""); err != nil {
		return "", nil, notFound, err
	}
	if err := limit(m.Limits); err != nil { // last: they are the program's, not ours
		return "", nil, failed, err
	}
	return program, environment, 0, nil
}

// wait returns the first message that counts.
func wait(gate, hash string) (Message, error) {
	for {
		f, err := os.OpenFile(gate, os.O_RDONLY, 0) // returns once there is somebody who writes
		if err != nil {
			return Message{}, fmt.Errorf("wait at the gate: %w", err)
		}
		if err := f.SetReadDeadline(time.Now().Add(hearTime)); err != nil {
			return Message{}, errors.Join(fmt.Errorf("wait at the gate: %w", err), f.Close())
		}
		m, err := read(f, hash)
		if closed := f.Close(); err == nil {
			return m, closed
		}
	}
}
