package testkit

import (
	"errors"
	"testing"

	"github.com/vishvananda/netlink"
)

// Dump lists what the kernel has, again if something changed while it was listed.
func Dump[T any](t *testing.T, list func() ([]T, error)) []T {
	t.Helper()
	for {
		all, err := list()
		if err == nil {
			return all
		}
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			t.Fatal(err)
		}
	}
}
