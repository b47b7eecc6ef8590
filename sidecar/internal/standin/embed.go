// Package standin holds the program that takes the place of jails: cmd/jail, built by scripts/need jail.
package standin

import (
	"embed"
	"errors"
)

// The build of ../../cmd/jail. Only .gitkeep is committed, so that the package compiles without a build.
//
//go:embed all:bin
var bin embed.FS

// ErrNotBuilt is why there is no program.
var ErrNotBuilt = errors.New(
	"this whaley was built without its stand-in for jails: run scripts/need jail, and build it again",
)

// Program is the program: static, for this architecture.
func Program() ([]byte, error) {
	program, err := bin.ReadFile("bin/jail")
	if err != nil {
		return nil, ErrNotBuilt
	}
	return program, nil
}
