package system

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// deployment is what scripts/up makes, without the engine: services are run on this machine as docker-compose.yaml
// starts them, each with a folder in the place of its container's root.
type deployment struct {
	t      *testing.T
	dir    string // a copy of the repository
	tls    string // host:port
	routes string // host:port for TLS by name
	env    []string
}

func newDeployment(t *testing.T, settings ...string) *deployment {
	t.Helper()
	d := &deployment{t: t, dir: copyOfTheRepository(t), tls: testkit.FreeAddress(t), routes: testkit.FreeAddress(t)}
	compose, err := exec.Command(filepath.Join(root, "scripts", "compose-build")).Output()
	if err != nil {
		t.Fatalf("scripts/compose-build: %v", err)
	}
	d.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "COMPOSE=" + strings.TrimSpace(string(compose)),
	}
	first := slices.Concat(
		settings,
		[]string{
			"BASE_DOMAIN=" + acmeBase, "DASHBOARD_URL=https://" + acmeDashboard, "TLS_PORT=" + portOnly(t, d.tls),
			"TLS_ROUTES_PORT=" + portOnly(t, d.routes),
		},
	)
	for _, name := range []string{
		"WEB_PORT", "PUBLIC_PORT", "INTERNAL_PORT", "WAKE_PORT", "TRAEFIK_API_PORT", "METRICS_PORT", "REDIS_PORT", "SSH_PORT",
	} {
		first = append(first, name+"="+portOnly(t, testkit.FreeAddress(t)))
	}
	made := d.command("scripts/up", "prepare")
	made.Env = append(made.Env, first...)
	if out, err := made.CombinedOutput(); err != nil {
		t.Fatalf("scripts/up prepare, the first time: %v\n%s", err, out)
	}
	return d
}

func (d *deployment) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(d.dir, name), args...)
	c.Dir, c.Env = d.dir, d.env
	return c
}

// prepare makes the files anew, of .env alone.
func (d *deployment) prepare() {
	d.t.Helper()
	if out, err := d.command("scripts/up", "prepare").CombinedOutput(); err != nil {
		d.t.Fatalf("scripts/up prepare: %v\n%s", err, out)
	}
}

func (d *deployment) write(name, text string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// change replaces the line of .env that begins so.
func (d *deployment) change(begins, line string) {
	d.t.Helper()
	env, err := os.ReadFile(filepath.Join(d.dir, ".env"))
	if err != nil {
		d.t.Fatal(err)
	}
	d.write(".env", regexp.MustCompile("(?m)^"+begins+".*$").ReplaceAllString(string(env), line))
}

// add puts a line behind those of .env.
func (d *deployment) add(line string) {
	d.t.Helper()
	env, err := os.ReadFile(filepath.Join(d.dir, ".env"))
	if err != nil {
		d.t.Fatal(err)
	}
	d.write(".env", string(env)+line+"\n")
}

// started is how docker-compose.yaml starts a service.
type started struct {
	Command     []string
	Environment map[string]string
	Volumes     []struct{ Type, Source, Target string }
	Secrets     []struct{ Source, Target string }
}

// started asks docker compose, which needs no engine for it.
func (d *deployment) started(service string) started {
	d.t.Helper()
	out, err := d.command("scripts/compose", "config", "--format", "json").Output()
	if err != nil {
		d.t.Fatalf("docker compose config: %v", err)
	}
	var all struct {
		Services map[string]started
		Secrets  map[string]struct{ File string }
	}
	if err := json.Unmarshal(out, &all); err != nil {
		d.t.Fatal(err)
	}
	s := all.Services[service]
	for n, secret := range s.Secrets {
		s.Secrets[n].Source = all.Secrets[secret.Source].File
	}
	return s
}

// redis starts Redis and returns the URL that the sidecar has of Traefik's database.
func (d *deployment) redis() string {
	d.t.Helper()
	s := d.started("redis")
	d.launch("redis", s, d.inside("redis", s), s.Command...)
	url, err := os.ReadFile(filepath.Join(d.dir, "data", "secrets", "traefik_redis_url"))
	if err != nil {
		d.t.Fatal(err)
	}
	return strings.TrimSpace(string(url))
}

// traefik starts Traefik, whose static configuration is changed by edit first.
func (d *deployment) traefik(edit func(string) string) *exec.Cmd {
	d.t.Helper()
	s := d.started("traefik")
	inside := d.inside("traefik", s)
	static, err := os.ReadFile(inside("/etc/traefik/traefik.yml"))
	if err != nil {
		d.t.Fatal(err)
	}
	text := regexp.MustCompile(`/[a-z][-a-z.0-9:/]+`).ReplaceAllStringFunc(edit(string(static)), inside)
	config := filepath.Join(d.t.TempDir(), "traefik.yml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	binary, err := exec.Command(filepath.Join(root, "scripts", "traefik-build")).Output()
	if err != nil {
		d.t.Fatalf("scripts/traefik-build: %v", err)
	}
	return d.launch("traefik", s, inside, strings.TrimSpace(string(binary)), "--configFile="+config)
}

// inside lays out what a service has mounted, and returns where a path of its container is.
func (d *deployment) inside(service string, s started) func(string) string {
	image := filepath.Join(d.dir, "image-"+service)
	var targets []string
	mount := func(source, target string) {
		d.t.Helper()
		targets = append(targets, target)
		link := filepath.Join(image, target)
		if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
			d.t.Fatal(err)
		}
		if err := os.Symlink(source, link); err != nil && !os.IsExist(err) {
			d.t.Fatal(err)
		}
	}
	for _, v := range s.Volumes {
		if v.Type == "volume" {
			v.Source = filepath.Join(d.dir, "volume-"+v.Source)
			if err := os.MkdirAll(v.Source, 0o700); err != nil {
				d.t.Fatal(err)
			}
		}
		mount(v.Source, v.Target)
	}
	for _, secret := range s.Secrets {
		mount(secret.Source, secret.Target)
	}
	return func(path string) string {
		for _, target := range targets {
			if path == target || strings.HasPrefix(path, target+"/") {
				return image + path
			}
		}
		return path
	}
}

// launch starts a service until the end of the test.
func (d *deployment) launch(service string, s started, inside func(string) string, command ...string) *exec.Cmd {
	d.t.Helper()
	for n := range command[1:] {
		command[n+1] = inside(command[n+1])
	}
	c := exec.Command(command[0], command[1:]...)
	c.Dir = filepath.Join(d.dir, "image-"+service) // where Traefik looks for local plugins
	c.Env = []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range s.Environment {
		c.Env = append(c.Env, name+"="+inside(value))
	}
	startUntilEnd(d.t, service, c)
	return c
}

// startUntilEnd starts a server that ends with the test, and shows what it said if that fails.
func startUntilEnd(t *testing.T, name string, c *exec.Cmd) {
	t.Helper()
	log := &testkit.Log{}
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", name, log.Tail(40))
		}
	})
}
