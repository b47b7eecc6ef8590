//go:build linux

package guest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/lookpath"
)

const (
	hearTime = 10 * time.Second // for the whole of a message, once it has begun
	// What shells and runtimes say of a program that is not there, or cannot be run.
	notFound, notRunnable = 127, 126
	failed                = 125
)

// Main waits at the gate and becomes the program. It returns only if that fails, with the exit code.
func Main() int {
	code, err := run(filepath.Join(Folder, Gate))
	fmt.Fprintln(os.Stderr, "whaley's guest:", err)
	return code
}

func run(gate string) (code int, err error) {
	order, environment, err := ordered(os.Environ())
	if err != nil {
		return failed, err
	}
	m, err := wait(gate, order.Hash)
	if err != nil {
		return failed, err
	}
	for _, p := range m.Patches {
		if err := patch(p); err != nil {
			return failed, err
		}
	}
	if err := addHosts(m.Hosts); err != nil {
		return failed, err
	}
	who, err := identify(order)
	if err != nil {
		return notRunnable, err
	}
	if !order.Home {
		environment = with(environment, "HOME="+who.home)
	}
	environment = with(environment, m.Env...)
	if err := become(who, order.Keep); err != nil {
		return failed, err
	}
	path, err := lookpath.Find(order.Argv[0], environment, "")
	if err != nil {
		return notFound, err
	}
	if err := limit(m.Limits); err != nil { // last: they are the program's, not ours
		return failed, err
	}
	return notRunnable, fmt.Errorf("run %s: %w", path, syscall.Exec(path, order.Argv, environment))
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
