package instancer

import (
	"context"
	"io"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Shells begins shells in services, where a platform can.
type Shells interface {
	// Shell begins a shell at a terminal of a service that runs. It refuses with shell_missing where there is none.
	Shell(ctx context.Context, instance, service string, size TerminalSize) (Terminal, error)
}

// TerminalSize is in characters.
type TerminalSize struct{ Columns, Rows uint16 }

// Terminal is one with a shell. What is read is what it shows; reading ends when the shell does, or its service. Close
// ends the shell and what it runs in the foreground.
type Terminal interface {
	io.ReadWriteCloser
	Resize(ctx context.Context, size TerminalSize) error
}

// NoShell says that a service has no shell.
func NoShell(service string) error {
	return whaley.Errorf(
		whaley.Conflict, "shell_missing", "%s has no shell: its image has no /bin/sh. Its output is in the panel.", service,
	)
}

// NoSuchService says that a service is not there, or does not run.
func NoSuchService(service string) error {
	return whaley.Errorf(whaley.NotFound, "service_not_running", "No service %s runs in this instance.", service)
}
