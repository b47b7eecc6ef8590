package system

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// redisHandle is the Redis of one stack, which can be stopped and started.
type redisHandle = testkit.RedisServer

// startTraefik puts a real Traefik with the interpreted plugin and a Redis in front of the sidecar's addresses, made
// of the repository's own configuration.
func (s *stack) startTraefik(internal string) {
	t := s.t
	t.Helper()
	s.redis = testkit.StartRedis(t, filepath.Join(root, "traefik", "redis.conf"))
	s.api, s.ssh, s.metrics = testkit.FreeAddress(t), testkit.FreeAddress(t), testkit.FreeAddress(t)
	dir := t.TempDir()
	derive := exec.Command(filepath.Join(root, "scripts", "traefik-config"),
		portOnly(t, s.web), portOnly(t, s.tls), portOnly(t, s.api), s.redis.Addr(), dir)
	derive.Env = append(os.Environ(), "METRICS_PORT="+portOnly(t, s.metrics), "SSH_PORT="+portOnly(t, s.ssh))
	var both []string // the sidecar has the same
	for _, setting := range s.env {
		if strings.HasPrefix(setting, "TRUSTED_PROXIES=") || strings.HasPrefix(setting, "FORWARDED_AS_SENT=") {
			both = append(both, setting)
		}
	}
	derive.Env = append(derive.Env, both...)
	if s.secure {
		derive.Env = append(derive.Env, "SECURE_PORT="+portOnly(t, s.web))
		derive.Args[1] = portOnly(t, testkit.FreeAddress(t))
	}
	out, err := derive.Output()
	if err != nil {
		t.Fatalf("scripts/traefik-config: %v", err)
	}
	binary, err := exec.Command(filepath.Join(root, "scripts", "traefik-build")).Output()
	if err != nil {
		t.Fatalf("scripts/traefik-build: %v", err)
	}
	traefik := exec.Command(strings.TrimSpace(string(binary)), "--configFile="+strings.TrimSpace(string(out)))
	traefik.Dir = dir
	traefik.Env = append(append(os.Environ(), both...),
		"BASE_DOMAIN="+base, "DASHBOARD_HOST=whaley.localhost", "DASHBOARD_URL="+s.dashboard,
		"WHALEY_PUBLIC_URL="+strings.Join(append([]string{"http://" + s.public}, s.standbys...), ","),
		"WHALEY_INTERNAL_URL=http://"+internal, "PLUGIN_KEY="+strings.Repeat("k", 40))
	traefik.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log := &testkit.Log{}
	traefik.Stdout, traefik.Stderr = log, log
	if err := traefik.Start(); err != nil {
		t.Fatal(err)
	}
	s.traefik = traefik.Process
	t.Cleanup(func() {
		traefik.Process.Signal(syscall.SIGTERM)
		traefik.Wait()
		if t.Failed() {
			t.Logf("Traefik's log:\n%s", log.Tail(40))
		}
	})
	s.env = append(s.env, "TRAEFIK_REDIS_URL=redis://"+s.redis.Addr()+"/0")
	s.eventually("Traefik has loaded the plugin's router", 60*time.Second, func() error {
		routers, err := s.routers()
		if err != nil {
			return fmt.Errorf("%w\n%s", err, log.Tail(20))
		}
		for _, r := range routers {
			if r.Status == "enabled" && strings.HasPrefix(r.Rule, "HostRegexp") {
				return nil
			}
		}
		return fmt.Errorf("routers: %+v\n%s", routers, log.Tail(20))
	})
}

type traefikRouter struct{ Name, Rule, Status, Provider string }

func (s *stack) routers() ([]traefikRouter, error) {
	resp, err := http.Get("http://" + s.api + "/api/http/routers?per_page=1000")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var routers []traefikRouter
	return routers, json.NewDecoder(resp.Body).Decode(&routers)
}

// awaitRouter waits until Traefik itself says that it has a live router for an instance out of Redis.
func (s *stack) awaitRouter(instance string) {
	s.t.Helper()
	s.eventually("Traefik has a router for "+instance, 30*time.Second, func() error {
		if found, err := s.hasRouter(instance); err != nil || found {
			return err
		}
		return fmt.Errorf("no router")
	})
}

func (s *stack) hasRouter(instance string) (bool, error) {
	routers, err := s.routers()
	for _, r := range routers {
		if strings.Contains(r.Name, instance) && r.Provider == "redis" && r.Status == "enabled" {
			return true, err
		}
	}
	return false, err
}

func portOnly(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestRunningInstancesOutliveTheSidecarAndRedis(t *testing.T) {
	t.Parallel()
	s := start(t, "traefik", writeFixtures(t, "echo", "guarded"))
	echo, guarded, sleeping := s.address(alice, "echo"), s.address(alice, "guarded"), s.address(bob, "echo")
	for _, address := range []string{echo, guarded} {
		if got := s.do(alice, "GET", address+"/", nil); got.Status != http.StatusOK {
			t.Fatalf("waking %s: %d %s", address, got.Status, got.Body)
		}
	}
	s.awaitRouter(s.live(alice, "echo").ID)

	s.kill()
	for what, address := range map[string]string{"link": echo, "owner": guarded} {
		if got := s.do(alice, "GET", address+"/", nil); got.Status != http.StatusOK {
			t.Errorf("without the sidecar a running instance of access %s answers %d %s", what, got.Status, got.Body)
		}
	}
	if got := s.do(bob, "GET", sleeping+"/", nil); got.Status != http.StatusServiceUnavailable ||
		got.problem(t).Code != "sidecar_unavailable" {
		t.Errorf("waking without the sidecar: %d %s", got.Status, got.Body)
	}
	s.serve()

	s.redis.Stop()
	if got := s.do(alice, "GET", echo+"/", nil); got.Status != http.StatusOK {
		t.Errorf("without Redis a running instance answers %d", got.Status)
	}
	if got := s.do(bob, "GET", sleeping+"/", nil); got.Status != http.StatusOK {
		t.Errorf("waking without Redis: %d %s", got.Status, got.Body)
	}
	s.redis.Start() // empty
	s.awaitRouter(s.live(bob, "echo").ID)
	s.awaitRouter(s.live(alice, "echo").ID)
}
