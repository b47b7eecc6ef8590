//go:build !linux

package main

// clockSynchronised is taken for granted: only Linux tells.
func clockSynchronised() bool { return true }
