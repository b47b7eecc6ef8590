//go:build linux

// Command jail is what Whaley puts in the place of the programs of a jail: see internal/jail. It is a program of its own, as
// it is started anew for each connection, and small, as each of these takes its size of memory for a moment.
package main

import (
	"os"

	"github.com/whaley-ctf/whaley/sidecar/internal/jail"
)

func main() { os.Exit(jail.Main(os.Args)) }
