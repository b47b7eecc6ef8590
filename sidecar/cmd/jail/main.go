//go:build linux

// Command jail is what Whaley puts into containers: in the place of the programs of a jail (internal/jail), and as the first
// program, which waits until the container is somebody's (internal/guest). By its name it knows what it is. It is a program of
// its own, as it is started anew for each connection, and small, as each of these takes its size of memory for a moment.
package main

import (
	"os"
	"path/filepath"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/jail"
)

func main() {
	if filepath.Base(os.Args[0]) == guest.Name {
		os.Exit(guest.Main())
	}
	os.Exit(jail.Main(os.Args))
}
