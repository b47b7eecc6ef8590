package system

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// production is docker-compose.yaml as make up starts it, out of a copy of the repository.
type production struct {
	t          *testing.T
	dir        string // the copy
	data       string
	http       string // host:port of the entry point without TLS; the stack's web is the one with it
	prometheus string // host:port
	env        []string
	*stack
}

// TestProductionByDockerCompose starts docker-compose.yaml with images that are made here, and goes through a day of
// it.
func TestProductionByDockerCompose(t *testing.T) {
	t.Parallel()
	p := newProduction(t)
	p.run("scripts/up")
	notes := p.address(alice, "echo")
	if got := p.do(alice, "GET", notes+"/", nil); got.Status != http.StatusOK {
		t.Fatalf("waking through TLS: %d %.300s", got.Status, got.Body)
	}
	if resp, err := clientTo(alice, p.http).Get("http://" + hostOf(t, notes) + "/"); err != nil {
		t.Error(err)
	} else if resp.Body.Close(); resp.StatusCode != http.StatusMovedPermanently || resp.Header.Get("Location") != notes+"/" {
		t.Errorf("without TLS: %d %s", resp.StatusCode, resp.Header.Get("Location"))
	}
	in := p.live(alice, "echo")
	p.awaitRouter(in.ID)
	before := containers(t, in.ID)
	b := newBrowser(t)
	b.opens(notes + "/")
	for _, service := range []string{"redis", "postgres", "sidecar"} {
		b.does("watch")
		p.restarted(service, notes)
		b.notices(service + " restarted")
	}
	p.run("scripts/compose", "restart", "traefik")
	if got := b.does("again"); got.Status != http.StatusOK {
		t.Errorf("after Traefik restarted, in the browser: %+v", got)
	} else {
		t.Logf("after Traefik restarted the browser had its page again at try %d", got.Tries)
	}
	p.eventually("Traefik is back", 30*time.Second, func() error { return p.answers(notes) })
	p.nothingPublished()
	p.monitored()

	certificates := filepath.Join(p.data, "acme", "authority.example.json")
	if err := os.WriteFile(certificates, []byte("a certificate and its key"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.run("scripts/backup")
	files, err := filepath.Glob(p.data + "/backups/*.tar.gz")
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the backup, which holds keys: %v %v", info, err)
	}
	saved := filepath.Join(p.dir, "saved.tar.gz")
	if err := os.Rename(files[0], saved); err != nil {
		t.Fatal(err)
	}
	p.run("scripts/compose", "down", "--volumes")
	for _, gone := range []string{p.data, filepath.Join(p.dir, "challenges")} {
		if err := os.RemoveAll(gone); err != nil {
			t.Fatal(err)
		}
	}
	p.run("scripts/restore", saved)
	if text, err := os.ReadFile(certificates); err != nil || string(text) != "a certificate and its key" {
		t.Errorf("the certificates came back as %q %v", text, err)
	} else if info, err := os.Stat(certificates); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("Traefik refuses a file that others may read: %v %v", info, err)
	}
	if again := p.live(alice, "echo"); again.ID != in.ID || !again.ExpiresAt.Equal(in.ExpiresAt) {
		t.Errorf("the instance was %+v and is %+v", in, again)
	}
	if after := containers(t, in.ID); len(after) != 1 || after[0] != before[0] {
		t.Errorf("its containers were %v and are %v", before, after)
	}
	p.eventually("it is served after the restore", 40*time.Second, func() error { return p.answers(notes) })
}

func newProduction(t *testing.T) *production {
	t.Helper()
	p := &production{t: t, dir: copyOfTheRepository(t), stack: &stack{t: t, edge: "traefik", log: &testkit.Log{}}}
	p.data = filepath.Join(p.dir, "data")
	if err := os.RemoveAll(filepath.Join(p.dir, "challenges")); err != nil {
		t.Fatal(err)
	}
	writeFixture(t, filepath.Join(p.dir, "challenges", "echo"), fixture{})
	p.web, p.http, p.public, p.api = testkit.FreeAddress(t), testkit.FreeAddress(t), testkit.FreeAddress(t), testkit.FreeAddress(
		t,
	)
	compose, err := exec.Command(filepath.Join(root, "scripts", "compose-build")).Output()
	if err != nil {
		t.Fatalf("scripts/compose-build: %v", err)
	}
	p.metrics, p.prometheus = testkit.FreeAddress(t), testkit.FreeAddress(t)
	p.dashboard = "https://whaley.localhost:" + portOnly(t, p.web)
	free := func() string { return portOnly(t, testkit.FreeAddress(t)) }
	p.env = append(
		os.Environ(), "COMPOSE="+strings.TrimSpace(string(compose)), "BASE_DOMAIN="+base, "DASHBOARD_URL="+p.dashboard,
		"WHALEY_PROJECT="+p.project(), "WHALEY_IMAGE=whaley/sidecar:test", "SUBNET_POOL="+nextPool(),
		"WEB_PORT="+portOnly(t, p.http), "TLS_PORT="+portOnly(t, p.web), "PUBLIC_PORT="+portOnly(t, p.public),
		"TRAEFIK_API_PORT="+portOnly(t, p.api), "INTERNAL_PORT="+free(), "WAKE_PORT="+free(), "TLS_ROUTES_PORT="+free(),
		"METRICS_PORT="+portOnly(t, p.metrics), "PROMETHEUS_PORT="+portOnly(t, p.prometheus), "REDIS_PORT="+free(),
		"SSH_PORT="+free(), fmt.Sprintf("PORT_RANGE_START=%d", portRange(t)),
		fmt.Sprintf("PORT_RANGE_END=%d", portRange(t)+200),
	)
	if out, err := exec.Command(filepath.Join(root, "scripts", "stack-images")).CombinedOutput(); err != nil {
		t.Fatalf("scripts/stack-images: %v\n%s", err, out)
	}
	t.Cleanup(func() { p.run("scripts/compose", "--profile", "monitoring", "down", "--volumes") })
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := p.command("scripts/compose", "logs", "--tail", "60").CombinedOutput()
			t.Logf("what the services said:\n%s", out)
		}
		for _, owner := range owners {
			var list instances
			if p.tryCall(owner, "GET", "/instances", "", &list) == nil {
				for _, in := range list.Instances {
					p.tryCall(owner, "DELETE", "/instances/"+in.ID, "", nil)
				}
			}
		}
		p.awaitNothingLeft()
	})
	return p
}

// copyOfTheRepository is a folder with what is in the repository, changed or not.
func copyOfTheRepository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	copied := exec.Command(
		"bash", "-c",
		"git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2>/dev/null | tar -c -T - | tar -x -C "+dir,
	)
	copied.Dir = root
	if out, err := copied.CombinedOutput(); err != nil {
		t.Fatalf("copy the repository: %v\n%s", err, out)
	}
	return dir
}

// project is a name for compose that no other run of the test has.
func (p *production) project() string {
	return "whaley-test-" + strings.ReplaceAll(p.public, "127.0.0.1:", "")
}

func (p *production) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(p.dir, name), args...)
	c.Dir, c.Env = p.dir, p.env
	return c
}

func (p *production) run(name string, args ...string) {
	p.t.Helper()
	began := time.Now()
	if out, err := p.command(name, args...).CombinedOutput(); err != nil {
		p.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	p.t.Logf("%s %s took %s", name, strings.Join(args, " "), time.Since(began).Round(100*time.Millisecond))
}

func (p *production) answers(address string) error {
	got, err := p.try(alice, "GET", address+"/", nil)
	if err == nil && got.Status != http.StatusOK {
		err = fmt.Errorf("%d %.200s", got.Status, got.Body)
	}
	return err
}

// restarted restarts a service while a player's websocket stays open and requests go on, none of which may fail.
func (p *production) restarted(service, address string) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	client := p.client(alice)
	client.Timeout = 0
	socket, _, err := websocket.Dial(
		ctx, "wss"+strings.TrimPrefix(address, "https")+"/ws", &websocket.DialOptions{HTTPClient: client},
	)
	if err != nil {
		p.t.Fatalf("websocket: %v", err)
	}
	defer socket.CloseNow()
	var done atomic.Int64
	var all sync.WaitGroup
	all.Go(func() {
		for ctx.Err() == nil {
			if err := p.answers(address); err != nil {
				p.t.Errorf("while %s restarts: %v", service, err)
				return
			}
			done.Add(1)
		}
	})
	p.run("scripts/compose", "restart", service)
	p.eventually(service+" is healthy again", 60*time.Second, func() error {
		resp, err := http.Get("http://" + p.public + "/health/ready")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s", body)
		}
		return nil
	})
	cancel()
	all.Wait()
	ctx, end := context.WithTimeout(context.Background(), 10*time.Second)
	defer end()
	if err := socket.Write(ctx, websocket.MessageText, []byte("still here")); err != nil {
		p.t.Errorf("the websocket after %s restarted: %v", service, err)
	} else if _, heard, err := socket.Read(ctx); err != nil || string(heard) != "still here" {
		p.t.Errorf("the websocket after %s restarted: %q %v", service, heard, err)
	}
	p.t.Logf("while %s restarted %d requests were answered, and the websocket stayed open", service, done.Load())
}

// monitored starts Prometheus out of the profile monitoring, and wants it to reach all that it scrapes. Grafana's image
// cannot be made of what Debian has.
func (p *production) monitored() {
	p.t.Helper()
	p.run("scripts/compose", "--profile", "monitoring", "up", "--detach", "prometheus")
	p.eventually("all targets of Prometheus are up", 90*time.Second, func() error {
		resp, err := http.Get("http://" + p.prometheus + "/api/v1/query?query=up")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		var got struct {
			Data struct {
				Result []struct {
					Metric map[string]string
					Value  [2]any
				}
			}
		}
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
			return err
		}
		up := map[string]bool{}
		for _, one := range got.Data.Result {
			up[one.Metric["job"]] = one.Value[1] == "1"
		}
		if !up["whaley"] || !up["traefik"] || !up["prometheus"] {
			return fmt.Errorf("%v", got.Data.Result)
		}
		p.t.Logf("Prometheus reaches %v", up)
		return nil
	})
	p.run("scripts/compose", "--profile", "monitoring", "rm", "--force", "--stop", "--volumes", "prometheus")
}

// nothingPublished wants all services to be healthy, and none to have a port of the host's through the engine.
func (p *production) nothingPublished() {
	p.t.Helper()
	var out []byte
	p.eventually("all four are healthy", 60*time.Second, func() (err error) {
		out, err = exec.Command(
			"docker", "ps", "--filter", "label=com.docker.compose.project="+p.project(), "--format",
			"{{.Names}} {{.Status}} {{.Ports}}",
		).Output()
		if err == nil && strings.Count(string(out), "(healthy)") != 4 {
			err = fmt.Errorf("%s", out)
		}
		return err
	})
	p.t.Logf("docker ps:\n%s", out)
	if strings.Contains(string(out), "->") {
		p.t.Errorf("a port is published:\n%s", out)
	}
}
