//go:build linux

// Command jail is what Whaley puts into containers: in the place of the programs of a jail (internal/jail), and as the
// first program, which waits until the container is somebody's (internal/guest). By its name it knows what it is. It is
// a program of its own, as it is started anew for each connection, and small, as each of these takes its size of memory
// for a moment.
package main

import (
	"os"
	"path/filepath"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/jail"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/canary"
)

func main() {
	if filepath.Base(os.Args[0]) == guest.Name {
		os.Exit(asGuest(os.Args[1:]))
	}
	os.Exit(jail.Main(os.Args))
}

// asGuest is what the guest does on nodes of Kubernetes beside being one: a Pod that ends at once has its node pull its
// image, and one that tries what no instance may reach.
func asGuest(arguments []string) int {
	switch {
	case len(arguments) == 1 && arguments[0] == "exit":
		return 0
	case len(arguments) == 1 && arguments[0] == "canary":
		return canary.Main()
	}
	return guest.Main()
}
