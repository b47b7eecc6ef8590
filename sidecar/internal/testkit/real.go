package testkit

import (
	"os"
	"testing"
)

// Real says that a test needs something outside its own process: a Docker engine, Redis, PostgreSQL, Chromium, or root
// for the kernel's networks. make check has none of them and leaves such tests out (TESTS=memory); make test and CI
// never do.
func Real(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("TESTS") == "memory" {
		t.Skipf("needs %s: make test runs it", what)
	}
}
