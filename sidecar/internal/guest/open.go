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
)

// MakeGate makes the pipe of a container in a folder.
func MakeGate(folder string) error {
	path := filepath.Join(folder, Gate)
	if err := syscall.Mkfifo(path, 0o600); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("gate at %s: %w", path, err)
	}
	return nil
}

// Open tells the container whose gate is in a folder a sealed message, once it is there to hear it. It may be repeated.
func Open(ctx context.Context, folder string, sealed []byte) error {
	path := filepath.Join(folder, Gate)
	gate, err := reach(ctx, path)
	if err != nil {
		return fmt.Errorf("gate at %s: %w", path, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = gate.SetWriteDeadline(time.Now()) }) // then it is closed already
	defer stop()
	_, err = gate.Write(sealed)
	if err := errors.Join(err, gate.Close()); err != nil {
		return fmt.Errorf("gate at %s: %w", path, err)
	}
	return nil
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
