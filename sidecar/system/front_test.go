package system

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// front is a real proxy in front of an edge: where it listens for the web and, unless it is one for the web only, for
// TLS by name.
type front struct{ web, tls string }

// nginxBefore starts nginx with the repository's example of a configuration, which says by X-Forwarded-For for whom it
// asks.
func nginxBefore(t *testing.T, s *stack) front {
	t.Helper()
	f := front{web: testkit.FreeAddress(t)}
	example, err := os.ReadFile(filepath.Join(root, "traefik", "nginx.conf"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	server := strings.NewReplacer(
		"listen 80;", "listen "+f.web+";", ".play.example.org whaley.example.org", "."+base+" whaley.localhost",
		"http://127.0.0.1:8080", "http://"+s.web,
	).Replace(string(example))
	write(
		t, filepath.Join(dir, "nginx.conf"),
		"daemon off; worker_processes 1; pid "+dir+"/pid; error_log stderr warn; events {}\nhttp { access_log off; "+
			"client_body_temp_path "+dir+"/body; proxy_temp_path "+dir+"/proxy; fastcgi_temp_path "+dir+"/f; uwsgi_temp_path "+dir+"/u; scgi_temp_path "+dir+"/s;\n"+
			server+"}\n",
	)
	inFront(t, f.web, "nginx", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))
	return f
}

// haproxyBefore starts HAProxy, which passes connections on and says by a version of the PROXY protocol whose they are:
// send-proxy or send-proxy-v2.
func haproxyBefore(t *testing.T, s *stack, send string) front {
	t.Helper()
	f := front{web: testkit.FreeAddress(t), tls: testkit.FreeAddress(t)}
	config := filepath.Join(t.TempDir(), "haproxy.cfg")
	write(t, config, "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 5m\n  timeout server 5m\n"+
		"listen web\n  bind "+f.web+"\n  server edge "+s.web+" "+send+"\n"+
		"listen tls\n  bind "+f.tls+"\n  server edge "+s.tls+" "+send+"\n")
	inFront(t, f.web, "haproxy", "-db", "-f", config)
	return f
}

func inFront(t *testing.T, address, name string, args ...string) {
	t.Helper()
	log := &testkit.Log{}
	proxy := exec.Command(name, args...)
	proxy.Stdout, proxy.Stderr = log, log
	proxy.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := proxy.Start(); err != nil {
		t.Fatalf("%s: %v (scripts/need %[1]s installs it)", name, err)
	}
	t.Cleanup(func() {
		proxy.Process.Signal(syscall.SIGTERM)
		proxy.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", name, log.Tail(20))
		}
	})
	testkit.Eventually(t, 30*time.Second, name+" listens", func() error {
		conn, err := dial(alice, address)
		if err == nil {
			conn.Close()
		}
		return err
	})
}
