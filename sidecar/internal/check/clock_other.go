//go:build !linux

package check

// clockSynchronised is taken for granted: only Linux tells.
func clockSynchronised() bool { return true }
