package starter_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// What a service leaves unread takes what it said last from whoever asks for it all at once.
func TestTheExampleBehindTLSReadsAllBeforeItEnds(t *testing.T) {
	testkit.Need(t, testkit.Busybox)
	script, err := os.ReadFile("../../../challenges/tls-vault/vault.sh")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	flag := filepath.Join(folder, "flag.txt")
	if err := os.WriteFile(flag, []byte("FLAG{here}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	vault := filepath.Join(folder, "vault.sh")
	if err := os.WriteFile(vault, bytes.ReplaceAll(script, []byte("/flag.txt"), []byte(flag)), 0o600); err != nil {
		t.Fatal(err)
	}
	asked, all, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer asked.Close()
	var numbers strings.Builder
	for n := range 1000 {
		numbers.WriteString(strconv.Itoa(n) + "\n")
	}
	if _, err := all.WriteString(numbers.String()); err != nil { // less than a pipe holds
		t.Fatal(err)
	}
	if err := all.Close(); err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), "busybox", "sh", vault)
	run.Stdin = asked
	said, err := run.Output()
	if err != nil || !bytes.Contains(said, []byte("FLAG{here}")) {
		t.Fatalf("%v: %s", err, said)
	}
	if rest, err := io.ReadAll(asked); err != nil || len(rest) > 0 {
		t.Errorf("%d bytes were not read: %v", len(rest), err)
	}
}
