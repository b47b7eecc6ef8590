package system

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// wholeRun is `make run` in this repository, with ports and a DATA_DIR of its own.
type wholeRun struct {
	t          *testing.T
	command    *exec.Cmd
	ended      chan error
	data       string
	web        string       // host:port of the edge
	said, logs *testkit.Log // stdout, which is for people, and stderr
}

func startWholeRun(t *testing.T, edge string) *wholeRun {
	t.Helper()
	m := &wholeRun{
		t: t, ended: make(chan error, 1), data: filepath.Join(t.TempDir(), "data"), web: testkit.FreeAddress(t),
		said: &testkit.Log{}, logs: &testkit.Log{},
	}
	m.command = exec.Command("make", "run", "EDGE="+edge)
	m.command.Dir, m.command.Stdout, m.command.Stderr = root, m.said, m.logs
	m.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	m.command.Env = append(os.Environ(), "DATA_DIR="+m.data, "SUBNET_POOL="+nextPool(), "WEB_PORT="+portOnly(t, m.web),
		"MAX_INSTANCE_PER_USER=1", // a slip
		fmt.Sprintf("PORT_RANGE_START=%d", portRange(t)), fmt.Sprintf("PORT_RANGE_END=%d", portRange(t)+200))
	for _, name := range []string{
		"TLS_PORT", "API_PORT", "INTERNAL_PORT", "WAKE_PORT", "TRAEFIK_API_PORT", "REDIS_PORT", "METRICS_PORT", "SSH_PORT",
	} {
		m.command.Env = append(m.command.Env, name+"="+portOnly(t, testkit.FreeAddress(t)))
	}
	if err := m.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { m.ended <- m.command.Wait() }()
	t.Cleanup(func() {
		m.interrupt()
		m.removeAll()
		if t.Failed() {
			t.Logf("make run said:\n%s\nand logged:\n%s", m.said, m.logs.Tail(80))
		}
	})
	return m
}

// interrupt is Ctrl-C, which goes to all that a terminal runs in the foreground, and waits for the end.
func (m *wholeRun) interrupt() {
	if m.ended == nil {
		return
	}
	_ = syscall.Kill(-m.command.Process.Pid, syscall.SIGINT)
	select {
	case <-m.ended:
	case <-time.After(time.Minute):
		_ = syscall.Kill(-m.command.Process.Pid, syscall.SIGKILL)
		m.t.Error("make run does not end a minute after Ctrl-C")
	}
	m.ended = nil
}

// removeAll removes what a failed test has left on the engine.
func (m *wholeRun) removeAll() {
	found := deploymentOf.FindStringSubmatch(m.logs.String())
	if found == nil {
		return
	}
	label := "label=whaley.deployment=" + found[1]
	script := fmt.Sprintf(
		"docker ps -aq --filter %s | xargs -r docker rm -f; docker network ls -q --filter %s | xargs -r docker network rm",
		label, label,
	)
	if out, err := exec.Command("bash", "-c", script).CombinedOutput(); err != nil {
		m.t.Errorf("clean up: %v\n%s", err, out)
	}
}

// printed is what stands in the first group of a pattern in what make run said, once it does.
func (m *wholeRun) printed(pattern string) string {
	m.t.Helper()
	re, text := regexp.MustCompile(pattern), ""
	testkit.Eventually(m.t, 10*time.Minute, "make run prints "+pattern, func() error {
		if found := re.FindStringSubmatch(m.said.String()); found != nil {
			text = found[1]
			return nil
		}
		select {
		case err := <-m.ended:
			m.ended <- err
			m.t.Fatalf("make run ended: %v", err)
		default:
		}
		return errors.New("it does not yet")
	})
	return text
}

// curl opens an address as a user does on this machine.
func (m *wholeRun) curl(args ...string) (string, error) {
	out, err := exec.Command("curl", append([]string{"-fsS", "--max-time", "60"}, args...)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("curl %v: %w: %s", args, err, out)
	}
	return string(out), nil
}

func TestMakeRunIsTheWholeProductInTwoCommands(t *testing.T) {
	for _, edge := range []string{"embedded", "traefik"} {
		t.Run(edge, func(t *testing.T) {
			m := startWholeRun(t, edge)
			m.printed(`(Opening an address starts it)`)
			dashboard, address := m.printed(`dashboard +(http\S+)`), m.printed(`(?m)^ +web-notes +(http\S+)$`)
			m.opensPages(dashboard, address, m.printed(`(?m)^ +web-db +(http\S+)$`))
			m.otherTools(address)
			m.connectsToPort()
			m.opensPanel(dashboard)
			if log := m.logs.String(); !strings.Contains(log, "did you mean MAX_INSTANCES_PER_USER?") {
				t.Error("the misspelled setting is not told")
			}
			m.stopsInstances(dashboard)
			m.interrupt()
			if conn, err := net.Dial("tcp", m.web); err == nil {
				conn.Close()
				t.Error("after Ctrl-C the edge still answers")
			}
		})
	}
}

// families are those by which curl reaches a name under localhost: a browser takes ::1, curl whichever it is told.
var families = []string{"-4", "-6"}

// opensPages opens web addresses as whoever tries this on their own machine does, in a browser and with curl: all that
// is one person, the one at this computer. The browser is the first to open the second.
func (m *wholeRun) opensPages(dashboard, first, second string) {
	m.t.Helper()
	for _, family := range families {
		testkit.Eventually(m.t, 5*time.Minute, "curl "+family+" opens "+first, func() error { // its image is built first
			page, err := m.curl(family, first)
			if err == nil && !strings.Contains(page, "<title>Notes") {
				err = fmt.Errorf("%.200s", page)
			}
			return err
		})
	}
	browser := exec.Command(
		"node", filepath.Join("e2e", "this-computer.mjs"), dashboard, first, "Notes", second, "Key by key",
	)
	browser.Dir = filepath.Join(root, "frontend")
	out, err := browser.CombinedOutput()
	if err != nil {
		m.t.Fatalf("the browser: %v\n%s", err, out)
	}
	m.t.Logf("%s", out)
	if seen := string(out); strings.Count(seen, `"from":"[::1]"`) != 2 ||
		!strings.Contains(seen, "Playing as This computer") || !strings.Contains(seen, "2 of 5 running") {
		m.t.Error("the browser is somebody else than curl, or did not come from ::1")
	}
}

// otherTools runs the printed line for tools that know no name under localhost.
func (m *wholeRun) otherTools(address string) {
	m.t.Helper()
	line := m.printed(`(?m)^ +(wget .*)$`)
	bin := m.t.TempDir()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		m.t.Fatal(err)
	}
	if err := os.Symlink(busybox, filepath.Join(bin, "wget")); err != nil {
		m.t.Fatal(err)
	}
	if host := strings.TrimSuffix(strings.TrimPrefix(address, "http://"), "/"); !strings.Contains(
		line, ".instances.localhost:",
	) ||
		host == "" {
		m.t.Errorf("%s names no instance", line)
	}
	testkit.Eventually(m.t, 5*time.Minute, "the printed line works: "+line, func() error {
		run := exec.Command("bash", "-c", line)
		run.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
		out, err := run.CombinedOutput()
		if err == nil && len(out) == 0 {
			err = errors.New("an empty page")
		}
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// connectsToPort connects as printed to what has not been started, and is answered by it.
func (m *wholeRun) connectsToPort() {
	m.t.Helper()
	port := m.printed(`(?m)^ +pwn-jail +nc 127\.0\.0\.1 (\d+)$`)
	// its image is built first
	testkit.Eventually(m.t, 5*time.Minute, "connecting to port "+port+" starts it", func() error {
		conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			return err
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err == nil && !strings.HasPrefix(line, "Calculator.") {
			err = errors.New(line)
		}
		return err
	})
}

// opensPanel signs in with the printed key, which nothing else may show.
func (m *wholeRun) opensPanel(dashboard string) {
	m.t.Helper()
	panel, key := m.printed(`admin panel +(http\S+)`), m.printed(`admin key +([0-9a-f]{48}) `)
	if page, err := m.curl(panel); err != nil || !strings.Contains(page, "<html") {
		m.t.Errorf("%s: %v %.200s", panel, err, page)
	}
	signIn, err := http.NewRequest(http.MethodPost, dashboard+"/admin/api/session", strings.NewReader(`{"key":"`+key+`"}`))
	if err != nil {
		m.t.Fatal(err)
	}
	signIn.Header.Set("Content-Type", "application/json")
	client := clientTo(alice, m.web)
	resp, err := client.Do(signIn)
	if err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || len(resp.Cookies()) == 0 {
		m.t.Fatalf("the printed key: %s %s", resp.Status, body)
	}
	list, err := http.NewRequest(http.MethodGet, dashboard+"/admin/api/challenges/list", nil)
	if err != nil {
		m.t.Fatal(err)
	}
	list.AddCookie(resp.Cookies()[0])
	if resp, err = client.Do(list); err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || !bytes.Contains(body, []byte("web-notes")) {
		m.t.Errorf("the panel's challenges: %s %.300s", resp.Status, body)
	}
	file := filepath.Join(m.data, "admin-key")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		m.t.Errorf("the file of the key: %v %v", info, err)
	}
	if strings.Contains(m.logs.String(), key) {
		m.t.Error("the key is in the log")
	}
	shown, err := exec.Command(
		"bash", "-c", "grep -lsa "+key[:40]+" /proc/[0-9]*/cmdline /proc/[0-9]*/environ | grep -v /$$/",
	).Output()
	for line := range strings.Lines(string(shown)) {
		text, _ := os.ReadFile(strings.TrimSpace(line))
		if !bytes.Contains(text, []byte("grep -lsa")) && len(text) > 0 {
			m.t.Errorf("%s shows the key (%v)", strings.TrimSpace(line), err)
		}
	}
}

// stopsInstances stops what the addresses have started, so that nothing stays.
func (m *wholeRun) stopsInstances(dashboard string) {
	m.t.Helper()
	asked := map[string]bool{} // each once: a player may not ask as often as this looks
	testkit.Eventually(m.t, 2*time.Minute, "all instances are stopped", func() error {
		list, err := m.curl(dashboard + "/instances")
		if err != nil {
			return err
		}
		live := regexp.MustCompile(`"id":"([^"]+)","challenge_id"`).FindAllStringSubmatch(list, -1)
		for _, in := range live {
			if asked[in[1]] {
				continue
			}
			if _, err := m.curl("-X", "DELETE", dashboard+"/instances/"+in[1]); err != nil {
				return err
			}
			asked[in[1]] = true
		}
		if len(live) > 0 {
			return fmt.Errorf("%d are left", len(live))
		}
		return nil
	})
}
