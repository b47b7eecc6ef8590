package system

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// whaley is the path of the binary under test, built once, with the race detector.
var whaley string

// root is the repository.
var root string

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
		whaley = filepath.Join(dir, "whaley")
		build := exec.Command("go", "build", "-race", "-o", whaley, "./cmd/whaley")
		build.Dir = filepath.Join(root, "sidecar")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build of the binary under test: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}
