package docker_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestAShellIsATerminalOfItsSizeAndIsGoneWhenItIsClosed(t *testing.T) {
	b := newBench(t)
	spec := b.spec("whaley-shell-test")
	spec.Service.Image, spec.Service.Init = shellImage, false
	spec.Service.Command = []string{"sh", "-c", "trap exit TERM; while :; do sleep 1 & wait; done # the service itself"}
	spec.Service.Entrypoint = []string{}
	id := b.run(spec)
	shell, err := b.Shell(t.Context(), id, "web", instancer.TerminalSize{Columns: 123, Rows: 45})
	if err != nil {
		t.Fatal(err)
	}
	shown := make(chan string, 100)
	go func() {
		defer close(shown)
		for part := make([]byte, 1024); ; {
			n, err := shell.Read(part)
			shown <- string(part[:n])
			if err != nil {
				return
			}
		}
	}()
	typed := func(text, want string) {
		t.Helper()
		if _, err := io.WriteString(shell, text); err != nil {
			t.Fatal(err)
		}
		all := ""
		for deadline := time.After(20 * time.Second); !strings.Contains(all, want); {
			select {
			case more := <-shown:
				all += more
			case <-deadline:
				t.Fatalf("after %q: %q, want %q", text, all, want)
			}
		}
	}
	typed("stty size\r", "45 123")
	if err := shell.Resize(t.Context(), instancer.TerminalSize{Columns: 80, Rows: 24}); err != nil {
		t.Fatal(err)
	}
	typed("stty size; echo $TERM $((6*7))\r", "xterm-256color 42")
	if len(b.processes(id)) == 0 {
		t.Error("there is no shell")
	}
	if err := shell.Close(); err != nil {
		t.Fatal(err)
	}
	b.runsNothingElse(id)

	gone, err := b.Shell(t.Context(), id, "web", instancer.TerminalSize{Columns: 80, Rows: 24})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.RemoveContainer(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { _, err := io.Copy(io.Discard, gone); ended <- err }()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("a shell outlives its container")
	}
	_ = gone.Close()

	none := b.run(b.spec("whaley-no-shell-test"))
	if _, err := b.Shell(t.Context(), none, "web", instancer.TerminalSize{Columns: 80, Rows: 24}); whaley.CodeOf(err) != "shell_missing" {
		t.Errorf("an image without a shell: %v", err)
	}
}
