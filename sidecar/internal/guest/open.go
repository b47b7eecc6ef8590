package guest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	waitFirst = time.Millisecond // between two looks whether somebody is at the gate; it doubles
	waitMost  = 20 * time.Millisecond
	sayAgain  = time.Second // after which a message that was not answered is said again
)

// MakeGate makes the pipes of a container in a folder.
func MakeGate(folder string) error {
	for _, name := range []string{Gate, Answer} {
		path := filepath.Join(folder, name)
		if err := syscall.Mkfifo(path, 0o600); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("gate at %s: %w", path, err)
		}
	}
	return nil
}

// Open tells the container whose gate is in a folder a sealed message, once it is there to hear it, and returns when it
// has done what it was told and becomes its program. An Outcome is why it does not.
func Open(ctx context.Context, folder string, sealed []byte) error {
	path := filepath.Join(folder, Gate)
	// Both to read and to write, so that it is open before the guest is there, and does not end when that one closes it.
	answer, err := os.OpenFile(filepath.Join(folder, Answer), os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("gate at %s: %w", path, err)
	}
	ctx, end := context.WithCancel(ctx)
	heard := make(chan error, 1)
	go func() { heard <- listen(answer) }()
	defer func() {
		end()
		answer.Close() // which ends listen
	}()
	for {
		told := make(chan error, 1)
		go func() { told <- tell(ctx, path, sealed) }()
		select {
		case err := <-heard:
			return err
		case err := <-told:
			if err != nil {
				return fmt.Errorf("gate at %s: %w", path, err)
			}
		}
		select {
		case err := <-heard:
			return err
		case <-time.After(sayAgain): // it was not heard, as it met the end of another; or the guest is slow
		case <-ctx.Done():
			return fmt.Errorf("gate at %s: %w", path, ctx.Err())
		}
	}
}

// tell writes a message into a pipe once somebody reads it.
func tell(ctx context.Context, path string, sealed []byte) error {
	gate, err := reach(ctx, path)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = gate.SetWriteDeadline(time.Now()) }) // then it is closed already
	defer stop()
	_, err = gate.Write(sealed)
	if errors.Is(err, syscall.EPIPE) {
		err = nil // who read it has gone: it is said again
	}
	return errors.Join(err, gate.Close())
}

// reach opens a pipe to write into once somebody reads it.
func reach(ctx context.Context, path string) (*os.File, error) {
	for wait := waitFirst; ; wait = min(2*wait, waitMost) {
		gate, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil || !errors.Is(err, syscall.ENXIO) {
			return gate, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		}
	}
}
