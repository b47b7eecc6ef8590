package flagtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Two owners solve the example whose flag is compiled into its program, and each gets their own, without a build.
func TestAProgramHoldsItsOwnersFlag(t *testing.T) {
	w := newWorld(t, 1)
	example := filepath.Join("..", "..", "..", "challenges", "pwn-lock")
	if err := os.CopyFS(filepath.Join(w.folder, "pwn-lock"), os.DirFS(example)); err != nil {
		t.Fatal(err)
	}
	w.load()
	if st := w.built("pwn-lock"); st.State != whaley.BuildReady || st.PerOwner {
		t.Fatalf("%+v", st)
	}
	ch, _ := w.library.Get("pwn-lock")
	before := imagesOf(t, "pwn-lock")
	solved := map[string]bool{}
	for _, owner := range []string{"alice", "bob"} {
		in := w.running(owner, "pwn-lock")
		wants, _ := w.flags.Flags(t.Context(), whaley.Owner{ID: owner}, ch)
		want := wants[0]
		testkit.Eventually(t, 20*time.Second, owner+" solves it", func() error {
			out, err := exec.Command(filepath.Join(example, "solve.sh"), "127.0.0.1", fmt.Sprint(in.Ports[9000])).CombinedOutput()
			if err != nil || !strings.Contains(string(out), want) {
				return fmt.Errorf("%q %v, want %s", out, err, want)
			}
			return nil
		})
		solved[want] = true
	}
	if after := imagesOf(t, "pwn-lock"); len(after) != len(before) || len(solved) != 2 {
		t.Errorf("images %v, then %v; flags %v", before, after, solved)
	}
}

// What would give an owner a placeholder starts no instance and says why.
func TestNobodyGetsAPlaceholder(t *testing.T) {
	w := newWorld(t, 2)
	w.write(
		"left", "flag.txt", placeholder, "program", "\x00\x01"+placeholder+"\x00", "Dockerfile",
		"FROM busybox:1.36\nCOPY flag.txt program /"+listen,
	)
	w.write("ignored", "flag.txt", placeholder, ".dockerignore", "flag.txt\n", "Dockerfile", "FROM busybox:1.36"+listen)
	w.write(
		"static", "instance.toml", "disable_dynamic_flags = true\n"+oneRoute, "flag.txt", placeholder, "Dockerfile",
		"FROM busybox:1.36\nCOPY flag.txt /"+listen,
	)
	w.load()
	if st := w.built("left"); st.State != whaley.BuildFailed || st.Reason.Code != "placeholder_left" {
		t.Errorf("a placeholder in a binary: %+v", st)
	}
	if _, err := w.spawn("alice", "left"); whaley.CodeOf(err) != "placeholder_left" {
		t.Errorf("a placeholder in a binary: %v", err)
	}
	if _, err := w.spawn("alice", "ignored"); whaley.CodeOf(err) != whaley.CodeFlagNotPlaced {
		t.Errorf("a flag that no image holds: %v", err)
	}
	if out := w.inside(w.running("alice", "static"), "web", "cat", "/flag.txt"); out != placeholder {
		t.Errorf("without flags of owners: %q", out)
	}
}
