package jail

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// TestMain is the stand-in too: where it is started by one of its names.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "nsjail", entering, ending:
		os.Exit(Main(os.Args))
	}
	os.Exit(m.Run())
}

// rooted is a jail's root with a shell in it, which is its program.
func rooted(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatal("a static busybox is missing, run scripts/need tools: ", err)
	}
	for path, mode := range map[string]os.FileMode{"": 0o755, "bin": 0o755, "app": 0o755, "dev": 0o755, "tmp": 0o777} {
		if err := os.MkdirAll(filepath.Join(root, path), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(root, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "bin/busybox"), busybox, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sh", "id", "sleep", "setsid", "kill", "env", "cat", "yes", "head"} {
		if err := os.Symlink("busybox", filepath.Join(root, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "dev/null"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	return root
}

// listening starts a jail in processes of its own, so that whatever goes wrong there ends nothing here, and says where.
func listening(t *testing.T, config string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "nsjail.cfg")
	if err := os.WriteFile(
		file, []byte("mode: LISTEN port: 0 cwd: \"/app\" exec_bin { path: \"/bin/sh\" }\n"+config), 0o644,
	); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	run := exec.CommandContext(
		ctx, "/bin/sh", "-c", "mount -t proc proc /proc && exec \"$0\" \"$@\"", filepath.Join(filepath.Dir(file), "nsjail"),
		"--config", file,
	)
	if err := os.Symlink(self, filepath.Join(filepath.Dir(file), "nsjail")); err != nil {
		t.Fatal(err)
	}
	run.Env = append(os.Environ(), "SECRET=of the container")
	run.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS, Unshareflags: syscall.CLONE_NEWNS,
	}
	log, err := run.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = run.Wait() })
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "address="); ok {
			go func() { _, _ = io.Copy(io.Discard, log) }()
			_, port, err := net.SplitHostPort(strings.Trim(address, `"`))
			if err != nil {
				t.Fatal(err)
			}
			return net.JoinHostPort("127.0.0.1", port)
		}
		t.Log(lines.Text())
	}
	t.Fatal("the jail does not listen")
	return ""
}

type player struct {
	conn  net.Conn
	lines *bufio.Scanner
}

func dial(t *testing.T, address string) *player {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &player{conn, bufio.NewScanner(conn)}
}

// says is all that a command prints.
func (p *player) says(command string) string {
	fmt.Fprintf(p.conn, "%s\necho; echo end-of-it\n", command)
	var all []string
	for p.lines.Scan() && p.lines.Text() != "end-of-it" {
		if p.lines.Text() != "" {
			all = append(all, p.lines.Text())
		}
	}
	return strings.Join(all, "\n")
}

// until waits for what has to come about.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not after a minute: ", what)
		}
	}
}

// processes of a user, on the whole machine.
func processes(user string) (n int) {
	all, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, path := range all {
		if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), "\nUid:\t"+user+"\t") &&
			!strings.Contains(string(text), "\nState:\tZ") {
			n++
		}
	}
	return n
}

func TestConnectionsReachNeitherEachOtherNorTheListener(t *testing.T) {
	testkit.Need(t, testkit.Root)
	t.Parallel()
	address := listening(
		t, "cgroup_pids_max: 6 max_conns_per_ip: 3 envar: \"A=b\" mount { src: \""+rooted(t)+"\" dst: \"/\" is_bind: true }",
	)
	a, b := dial(t, address), dial(t, address)
	first, second := a.says("id -u"), b.says("id -u")
	if n, err := strconv.Atoi(second); err != nil || n < ownFrom || first == second {
		t.Errorf("they are users %q and %q", first, second)
	}
	if got := a.says("env"); strings.Contains(got, "SECRET") || strings.Contains(got, settingOf) ||
		!strings.Contains(got, "A=b") {
		t.Errorf("its variables are\n%s", got)
	}
	if got := a.says("ulimit -n; ulimit -c"); got != "32\n0" {
		t.Errorf("its limits are %q", got)
	}
	for _, attempt := range []string{"kill -9 1", "kill -9 2", "cat /proc/1/environ", "cat /app/../../etc/hostname"} {
		if got := b.says("(" + attempt + ") 2>/dev/null && echo done"); strings.Contains(got, "done") {
			t.Errorf("%s: %s", attempt, got)
		}
	}
	b.says("kill -9 -1") // all that it may
	if got := b.says("for n in 1 2 3 4 5 6 7 8 9; do sleep 1234 & done"); !strings.Contains(got, "fork") {
		t.Errorf("nine more processes than six are begun: %s", got)
	}
	third, fourth := dial(t, address), dial(t, address)
	if third.says("echo in") != "in" || !fourth.lines.Scan() ||
		!strings.HasPrefix(fourth.lines.Text(), "Too many connections") {
		t.Error("there is no bound of connections")
	}
	third.conn.Close()
	b.conn.Close()
	until(t, "what the second connection has left behind is ended", func() bool { return processes(second) == 0 })
	if got := a.says("echo still here"); got != "still here" || processes(first) == 0 {
		t.Errorf("the first connection says %q", got)
	}
}

// A chain of processes, each of which ends once it has a child, outruns whoever ends them one by one.
func TestNothingOutlivesItsConnection(t *testing.T) {
	testkit.Need(t, testkit.Root)
	t.Parallel()
	const chain = "setsid sh -c 'f() { f & }; f' & for n in 1 2 3; do setsid sleep 1234 & done"
	for name, config := range map[string]string{
		"a user of its own": "cgroup_pids_max: 40 time_limit: 2", "the end of its time": "time_limit: 1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := dial(t, listening(t, config+" mount { src: \""+rooted(t)+"\" dst: \"/\" is_bind: true }"))
			user := p.says("id -u")
			fmt.Fprintln(p.conn, chain)
			if _, err := io.ReadAll(p.conn); err != nil {
				t.Errorf("the connection is not closed after its time: %v", err)
			}
			until(t, "all processes of the connection are ended", func() bool { return processes(user) == 0 })
		})
	}
}

func TestAFloodLeavesRoom(t *testing.T) {
	testkit.Need(t, testkit.Root)
	t.Parallel()
	address := listening(t, "mount { src: \""+rooted(t)+"\" dst: \"/\" is_bind: true }")
	var in sync.WaitGroup
	var mu sync.Mutex
	admitted := 0
	all := make([]*player, maxConnsPerAddress+20)
	for n := range all {
		all[n] = dial(t, address)
		in.Go(func() {
			if all[n].says("echo in") == "in" {
				mu.Lock()
				defer mu.Unlock()
				admitted++
			}
		})
	}
	in.Wait()
	if admitted != maxConnsPerAddress {
		t.Errorf("%d connections of one address are served, not %d", admitted, maxConnsPerAddress)
	}
	for _, p := range all {
		p.conn.Close()
	}
	until(t, "there is room again", func() bool {
		p := dial(t, address)
		defer p.conn.Close()
		return p.says("echo in") == "in"
	})
}

// TestWhatAnotherServerAcceptsHasAUserOfItsOwnToo is kCTF's way: socat or nc listens, and starts nsjail for each
// connection.
func TestWhatAnotherServerAcceptsHasAUserOfItsOwnToo(t *testing.T) {
	testkit.Need(t, testkit.Root)
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "nsjail")
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(filepath.Dir(program), "nsjail.cfg")
	text := "cwd: \"/app\" cgroup_pids_max: 6 exec_bin { path: \"/bin/sh\" } mount { src: \"" + rooted(t) +
		"\" dst: \"/\" is_bind: true }"
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	t.Cleanup(served.Wait)
	t.Cleanup(func() { l.Close() }) // which ends the loop, and then it is waited for
	served.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			file, err := conn.(*net.TCPConn).File()
			conn.Close()
			if err != nil {
				continue
			}
			run := exec.Command(program, "--config", config)
			run.Stdin, run.Stdout, run.Stderr = file, file, file
			served.Go(func() { _ = run.Run(); file.Close() })
		}
	})
	a, b := dial(t, l.Addr().String()), dial(t, l.Addr().String())
	first, second := a.says("id -u"), b.says("id -u")
	if n, err := strconv.Atoi(first); err != nil || n < ownFrom || first == second {
		t.Errorf("they are users %q and %q", first, second)
	}
	for _, p := range []*player{a, b} {
		fmt.Fprintln(p.conn, "exit")
	}
}
