package docker_test

import (
	"bytes"
	"context"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// TestASolverRunsBesideItsInstanceAndLeavesNothing also when it is ended, finds no program, or would write where it may
// not.
func TestASolverRunsBesideItsInstanceAndLeavesNothing(t *testing.T) {
	b := newBench(t)
	address := b.subnet.Addr().Next().Next()
	b.run(b.spec("whaley-engine-test-web"))
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	script := `#!/bin/sh
for n in 1 2 3 4 5 6 7 8 9; do wget -qO- "$URL/" && break; sleep 0.2; done
touch /solver/here 2>/dev/null && echo wrote to the challenge
touch /here 2>/dev/null && echo wrote to the image
echo scratch > /tmp/here && cat /tmp/here
echo aside >&2
exit 3
`
	if err := os.WriteFile(filepath.Join(dir, "solve.sh"), []byte(script), 0o755); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	job := whaley.SolverJob{
		Instance: &whaley.Instance{ID: "engine-test", Challenge: "engine", Addresses: map[string]netip.Addr{"web": address}},
		Service:  "web", Image: "busybox:1.36", Command: []string{"./solve.sh"}, Dir: dir,
		Env: []string{"URL=http://" + address.String() + ":8080"},
	}
	var out, errs bytes.Buffer
	exit, err := b.Solve(t.Context(), job, &out, &errs)
	if err != nil || exit != 3 || !strings.Contains(out.String(), "test server") || !strings.Contains(out.String(), "scratch") ||
		strings.Contains(out.String(), "wrote") || strings.TrimSpace(errs.String()) != "aside" {
		t.Errorf("exit %d, %v, printed %q and %q", exit, err, out.String(), errs.String())
	}
	within := job
	within.Inside, within.Command, within.Env = true, []string{"wget", "-qO-", "http://127.0.0.1:8080/"}, nil
	out.Reset()
	if exit, err := b.Solve(t.Context(), within, &out, io.Discard); err != nil || exit != 0 || !strings.Contains(out.String(), "test server") {
		t.Errorf("in its service's network: exit %d, %v, printed %q", exit, err, out.String())
	}
	job.Command = []string{"pwn"}
	if exit, err := b.Solve(t.Context(), job, io.Discard, io.Discard); err != nil || exit != 127 {
		t.Errorf("a program that is not there: exit %d, %v", exit, err)
	}
	job.Command = []string{"sleep", "600"}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	began := time.Now()
	if _, err := b.Solve(ctx, job, io.Discard, io.Discard); err == nil || time.Since(began) > 30*time.Second {
		t.Errorf("it was not ended: %v after %s", err, time.Since(began))
	}
	objects, err := b.WithPurpose("solver").List(context.Background(), "")
	if err != nil || len(objects) > 0 {
		t.Errorf("left: %+v %v", objects, err)
	}
}
