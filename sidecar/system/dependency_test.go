package system

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

func TestADatabaseThatRestartsCostsNothing(t *testing.T) {
	t.Parallel()
	url, restart := testkit.RestartablePostgres(t)
	s := start(t, "embedded", writeFixtures(t, "echo", "guarded"), "DATABASE_URL="+url)
	echo := s.address(alice, "echo")
	if got := s.do(alice, "GET", echo+"/", nil); got.Status != http.StatusOK {
		t.Fatalf("waking: %d", got.Status)
	}
	before := s.live(alice, "echo")
	restart()
	s.eventually("another is woken", 40*time.Second, func() error {
		got, err := s.try(alice, "GET", s.address(alice, "guarded")+"/", nil)
		if err == nil && got.Status != http.StatusOK {
			err = fmt.Errorf("%d %s", got.Status, got.Body)
		}
		return err
	})
	if now := s.live(alice, "echo"); now == nil || now.ID != before.ID || now.State != "running" {
		t.Errorf("before %+v, after %+v", before, now)
	}
	if got := s.do(alice, "GET", echo+"/", nil); got.Status != http.StatusOK {
		t.Errorf("it answers %d", got.Status)
	}
}

// engine is a Docker engine of the test's own, which can be restarted without harm to others.
type engine struct {
	t       *testing.T
	dir     string
	bridge  string   // its default network
	in      []string // what it is run by, as a command with its arguments; empty: nothing
	process *exec.Cmd
}

// engineBridge is the default network of the test's engine. Without one the engine would remove docker0, which is the
// other engine's.
const engineBridge = "whaleytest0"

func makeBridge(t *testing.T) {
	t.Helper()
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: engineBridge}}
	_ = netlink.LinkDel(bridge) // a killed test may have left it
	if err := netlink.LinkAdd(bridge); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { netlink.LinkDel(bridge) })
	address, err := netlink.ParseAddr("10.190.0.1/24")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{netlink.AddrAdd(bridge, address), netlink.LinkSetUp(bridge)} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (e *engine) host() string { return "unix://" + filepath.Join(e.dir, "docker.sock") }

func (e *engine) start() {
	e.t.Helper()
	log, err := os.OpenFile(filepath.Join(e.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		e.t.Fatal(err)
	}
	defer log.Close()
	args := append(
		slices.Clone(e.in), "dockerd", "--host", e.host(), "--data-root", filepath.Join(e.dir, "data"), "--exec-root",
		filepath.Join(e.dir, "exec"), "--pidfile", filepath.Join(e.dir, "pid"), "--bridge", e.bridge, "--iptables=false",
		"--ip6tables=false", "--ip-masq=false", "--userland-proxy=false",
	)
	e.process = exec.Command(args[0], args[1:]...)
	e.process.Stdout, e.process.Stderr = log, log
	e.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := e.process.Start(); err != nil {
		e.t.Fatal(err)
	}
	testkit.Eventually(e.t, 60*time.Second, "the engine answers", func() error {
		return exec.Command("docker", "--host", e.host(), "version").Run()
	})
}

func (e *engine) stop() {
	e.process.Process.Signal(syscall.SIGTERM)
	e.process.Wait()
}

func TestAnEngineThatRestartsLosesItsInstancesAndNothingElse(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("/tmp", "whaley-engine-") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	makeBridge(t)
	e := &engine{t: t, dir: dir, bridge: engineBridge}
	e.start()
	t.Cleanup(func() { e.stop() })
	s := start(t, "embedded", writeFixtures(t, "echo"), "DOCKER_HOST="+e.host())
	echo := s.address(alice, "echo")
	if got := s.do(alice, "GET", echo+"/", nil); got.Status != http.StatusOK {
		t.Fatalf("waking: %d %s", got.Status, got.Body)
	}
	before := s.live(alice, "echo")
	e.stop()
	if got := s.do(bob, "GET", s.address(bob, "echo")+"/", nil); got.Status != http.StatusServiceUnavailable ||
		got.problem(t).Code != "engine_unavailable" {
		t.Errorf("waking without an engine: %d %s", got.Status, got.Body)
	}
	e.start()
	s.eventually("the lost instance is noticed", 60*time.Second, func() error {
		if now := s.live(alice, "echo"); now != nil && now.ID == before.ID {
			return fmt.Errorf("it is %s", now.State)
		}
		return nil
	})
	s.eventually("the address wakes a new one", 30*time.Second, func() error {
		got, err := s.try(alice, "GET", echo+"/", nil)
		if err == nil && got.Status != http.StatusOK {
			err = fmt.Errorf("%d %s", got.Status, got.Body)
		}
		return err
	})
	s.eventually("it is the only container", 40*time.Second, func() error {
		out, err := exec.Command("docker", "--host", e.host(), "ps", "-aq").Output()
		if n := len(strings.Fields(string(out))); err != nil || n != 1 {
			return fmt.Errorf("%d containers: %q %v", n, out, err)
		}
		return nil
	})
}

// TestHundredsOfNetworks starts as many instances as it is told to, all at once, and takes them down again.
func TestHundredsOfNetworks(t *testing.T) {
	count := scale(t, "SOAK_NETWORKS", 24)
	s := start(t, "embedded", writeFixtures(t, "echo"), "SUBNET_POOL=10.200.0.0/16", "START_TIMEOUT=600",
		"ADMIN_KEY="+seenKey, "METRICS_SECRET="+seenSecret, "MONITOR_EVERY=2", "ADMIN_RATE_LIMIT=0")
	began := time.Now()
	owner := func(n int) string { return fmt.Sprintf("127.0.%d.%d", 3+n/200, 1+n%200) }
	state := func() (running, others int) {
		for n := range count {
			switch in := s.live(owner(n), "echo"); {
			case in == nil:
			case in.State == "running":
				running++
			default:
				others++
			}
		}
		return running, others
	}
	for n := range count {
		s.call(owner(n), "POST", "/instances/spawn", `{"challenge_id":"echo"}`, nil)
	}
	s.eventually("all run", 20*time.Minute, func() error {
		if running, _ := state(); running != count {
			time.Sleep(time.Second)
			return fmt.Errorf("%d of %d run", running, count)
		}
		return nil
	})
	t.Logf("%d instances with a network each after %s", count, time.Since(began).Round(time.Second))
	s.watched(count)
	for n := range count {
		if got := s.do(owner(n), "GET", s.address(owner(n), "echo")+"/", nil); got.Status != http.StatusOK {
			t.Errorf("%s: %d", owner(n), got.Status)
		}
		s.call(owner(n), "DELETE", "/instances/"+s.live(owner(n), "echo").ID, "", nil)
	}
	s.eventually("all are gone", 20*time.Minute, func() error {
		if running, others := state(); running+others > 0 {
			time.Sleep(time.Second)
			return fmt.Errorf("%d are left", running+others)
		}
		return nil
	})
	t.Logf("all gone after %s", time.Since(began).Round(time.Second))
}
