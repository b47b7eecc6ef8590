//go:build !linux

package warden

import (
	"context"
	"errors"
	"io"
)

// Serve bounds builds, which only works in a container on Linux.
func Serve(context.Context, io.Reader, io.Writer) error {
	return errors.New("whaley warden runs in a container on Linux only: it writes to control groups")
}
