//go:build !linux

package survey

import (
	"context"
	"errors"
	"io"
)

// Serve measures what instances have on the disk, which only works in a container on Linux.
func Serve(context.Context, io.Reader, io.Writer) error {
	return errors.New("whaley survey runs in a container on Linux only: it reads /proc and the layers of containers")
}
