package system

import (
	"bytes"
	"context"
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

// TestAllWorksBehindTheProxyOfTheEngine gives the sidecar the proxied socket only, and tries what it must not let
// through.
func TestAllWorksBehindTheProxyOfTheEngine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	socket := filepath.Join(dir, "docker.sock")
	config, err := os.ReadFile(filepath.Join(root, "traefik", "engine-proxy.cfg"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(file, bytes.Replace(config, []byte("/run/engine/docker.sock"), []byte(socket), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy := exec.Command("haproxy", "-db", "-f", file)
	proxy.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log := &testkit.Log{}
	proxy.Stdout, proxy.Stderr = log, log
	if err := proxy.Start(); err != nil {
		t.Fatalf("haproxy: %v (scripts/need haproxy installs it)", err)
	}
	t.Cleanup(func() { proxy.Process.Kill(); proxy.Wait() })
	engine := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	testkit.Eventually(t, 30*time.Second, "the proxy answers", func() error {
		resp, err := engine.Get("http://engine/_ping")
		if err == nil {
			resp.Body.Close()
		}
		return err
	})
	refused := 0
	for _, call := range []string{
		"POST /swarm/init", "GET /secrets", "POST /v1.41/containers/prune", "POST /images/prune",
		"POST /v1.41/networks/prune", "POST /volumes/prune",
		"POST /plugins/pull", "POST /images/busybox/push", "POST /images/busybox/tag", "POST /commit", "GET /configs",
		"POST /auth",
		"POST /containers/x/rename", "GET /v1.41/nodes", "PUT /containers/x/start", "POST /containers/../swarm/init",
		"POST //swarm/init", "POST /v1.41/build/prune",
		"POST /containers/x/attach/ws", "POST /system/df", "PATCH /containers/x",
	} {
		method, path, _ := strings.Cut(call, " ")
		r, err := http.NewRequest(method, "http://engine", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Opaque = path
		resp, err := engine.Do(r)
		if err != nil {
			t.Errorf("%s: %v", call, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", call, resp.Status)
		}
		if resp.StatusCode == http.StatusForbidden {
			refused++
		}
	}
	if refused < 15 {
		t.Errorf("the proxy refused %d by itself only", refused)
	}
	testkit.Eventually(t, 30*time.Second, "the proxy tells of every refusal", func() error { // it does so after the answer
		if told := strings.Count(log.String(), " 403 "); told != refused {
			return fmt.Errorf("%d of %d", told, refused)
		}
		return nil
	})
	before := len(log.String())
	s := startStack(
		t, &stack{binary: static(t)}, "127.0.0.1", "embedded", writeFixtures(t, "echo", "raw"), "DOCKER_HOST=unix://"+socket,
	)
	if got := s.do(alice, "GET", s.address(alice, "echo")+"/", nil); got.Status != http.StatusOK {
		t.Errorf("waking: %d %.300s", got.Status, got.Body)
	}
	s.running(alice, "raw")
	if told := log.String()[before:]; strings.Contains(told, " 403 ") {
		t.Errorf("the sidecar was refused something:\n%s", told)
	}
}
