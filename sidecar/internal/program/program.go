// Package program is about the file that this process was started from, which runs inside containers too: as the canary
// of the firewall, and as the relay of an instance.
package program

import (
	"debug/elf"
	"errors"
	"slices"
)

// Self is the file, also when another one has been put into its place meanwhile.
const Self = "/proc/self/exe"

// ErrNotStatic is why a binary that was built with a C library cannot run in an empty container.
var ErrNotStatic = errors.New(
	"this binary is not static and cannot run in an empty container: build it with CGO_ENABLED=0",
)

// Static says whether a program needs no loader.
func Static(path string) bool {
	f, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return !slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
}
