package system

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// binary is the path of the binary under test, built once, with the race detector.
var binary string

// root is the repository.
var root string

// static is the binary as production has it, which can run inside containers too.
func static(t *testing.T) string {
	t.Helper()
	path, err := buildStatic()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var buildStatic = sync.OnceValues(func() (string, error) {
	if os.Getenv("SYSTEM_BINARY") != "" {
		return binary, nil
	}
	path := filepath.Join(filepath.Dir(binary), "static")
	build := exec.Command("go", "build", "-trimpath", "-o", path, "./cmd/whaley")
	build.Dir, build.Env = filepath.Join(root, "sidecar"), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build of the static binary: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "whaley-system-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		forgetTheDead()
		wd, err := os.Getwd()
		if err != nil {
			panic(err)
		}
		root = filepath.Join(wd, "..", "..")
		if binary = os.Getenv("SYSTEM_BINARY"); binary != "" { // make soak: how long something takes with the race detector says little
			return m.Run()
		}
		binary = filepath.Join(dir, "whaley")
		// As scripts/test has it: SQLite, which is C that was translated to Go, is not slowed down by the race detector.
		build := exec.Command(
			"go", "build", "-race", "-gcflags=modernc.org/libc/...=-race=false",
			"-gcflags=modernc.org/sqlite/lib/...=-race=false", "-o", binary, "./cmd/whaley",
		)
		build.Dir = filepath.Join(root, "sidecar")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build of the binary under test: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}
