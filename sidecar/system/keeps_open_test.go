package system

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// browser is a player's Chromium on a machine of its own, as far as networks go: one cable leads to this one.
type browser struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Scanner
}

// answered is what the browser says of a command; see frontend/e2e/keeps-open.mjs.
type answered struct {
	Status, Tries, Answers int
	Failed                 []any
	Heard, Problem         string
}

// The cable, in a part of the private addresses that no instance and no other test uses.
const (
	ourEnd   = "10.191.77.1"
	theirEnd = "10.191.77.2"
)

func newBrowser(t *testing.T) *browser {
	t.Helper()
	cmd := exec.Command("node", filepath.Join(root, "frontend", "e2e", "keeps-open.mjs"))
	cmd.Dir = filepath.Join(root, "frontend")
	cmd.Env = append(os.Environ(), "EDGE="+ourEnd)
	cmd.SysProcAttr = apart()
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, in: in, out: bufio.NewScanner(out)}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the browser: %v", err)
		}
	})
	cable(t, cmd.Process.Pid)
	return b
}

// apart gives a process a network of its own, with nothing in it yet.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
}

// cable leads from the network of a process to this machine. It has no addresses of IPv6, which come some time after
// the rest: a browser breaks off what it loads then.
func cable(t *testing.T, pid int) {
	t.Helper()
	name, inside := fmt.Sprint("whaley-b", pid%1000000), fmt.Sprintf("nsenter --target %d --net ", pid)
	for _, line := range []string{
		fmt.Sprintf("ip link add %s type veth peer name eth0 netns %d", name, pid),
		fmt.Sprintf("ip address add %s/30 dev %s", ourEnd, name), "ip link set up dev " + name,
		inside + "ip link set dev eth0 addrgenmode none",
		inside + "ip link set up dev lo", inside + "ip address add " + theirEnd + "/30 dev eth0",
		inside + "ip link set up dev eth0", inside + "ip route add default via " + ourEnd,
	} {
		words := strings.Fields(line)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", line, err, out)
		}
	}
	t.Cleanup(func() { exec.Command("ip", "link", "del", name).Run() }) // or the next one finds two ways to its end
}

// does gives the browser a command and waits until it is done.
func (b *browser) does(command string) (a answered) {
	b.t.Helper()
	if _, err := io.WriteString(b.in, command+"\n"); err != nil {
		b.t.Fatal(err)
	}
	if !b.out.Scan() || json.Unmarshal(b.out.Bytes(), &a) != nil || a.Problem != "" {
		b.t.Fatalf("the browser on %q: %s %v", command, b.out.Text(), b.out.Err())
	}
	return a
}

// opens has the browser keep an address open.
func (b *browser) opens(address string) {
	b.t.Helper()
	if got := b.does("open " + address); got.Status != http.StatusOK {
		b.t.Fatalf("in the browser: %+v", got)
	}
}

// notices wants a page that was open meanwhile to have noticed nothing.
func (b *browser) notices(nothing string) {
	b.t.Helper()
	got := b.does("seen")
	if got.Answers == 0 || len(got.Failed) > 0 || got.Heard != "still here" {
		b.t.Errorf("in the browser, while %s: %+v", nothing, got)
	}
	b.t.Logf(
		"in the browser, while %s: %d answers, %d failures, its websocket open", nothing, got.Answers, len(got.Failed),
	)
}
