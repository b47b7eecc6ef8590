package challenge_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

var defaults = challenge.Defaults{
	Timeout: time.Hour, Access: instancer.AccessLink,
	Limits: instancer.Limits{MemoryBytes: 384 << 20, NanoCPUs: 5e8, Pids: 256},
}

const oneRoute = `
[[routes]]
service = "web"
port = 80
`

// folder makes a challenge's folder; files are pairs of name and content.
func folder(t testing.TB, toml, compose string, files ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "web-test")
	all := append([]string{"instance.toml", toml, "compose.yaml", compose, "Dockerfile", "FROM busybox:1.36\n"}, files...)
	for n := 0; n < len(all); n += 2 {
		path := filepath.Join(dir, all[n])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(all[n+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t testing.TB, dir string) (*instancer.Challenge, error) {
	t.Helper()
	return challenge.Load(context.Background(), dir, defaults)
}

func TestAWholeChallengeIsReadAsWritten(t *testing.T) {
	dir := folder(t, `
name = "Login, please"
category = "web"
timeout = 1800
extend_time = 600
access = "owner"
wake = false
egress = true
connection = "curl {url}"
[[routes]]
service = "web"
port = 80
type = "http"
[[routes]]
name = "nc"
service = "db"
port = 9000
type = "port"
[limits]
memory = "256m"
cpus = 0.5
pids = 128
[security]
capabilities = ["SYS_PTRACE"]
`, `
services:
  web:
    build: {context: ., args: {A: b}}
    environment: {ID: "$INSTANCE_ID", HOST: "${HOST_nc}", PORT: "${PORT_9000}", PLAIN: "a$$b", DEFAULT: "${NOBODY:-fallback}"}
    env_file: extra.env
    depends_on: {db: {condition: service_healthy}}
    volumes: ["./conf.txt:/etc/conf.txt", "data:/data"]
    tmpfs: ["/run:size=1m"]
    ulimits: {nofile: {soft: 100, hard: 200}}
    stop_grace_period: 5s
  db:
    image: redis:7
    user: "999"
    read_only: true
    healthcheck: {test: ["CMD", "redis-cli", "ping"], timeout: 3s}
volumes:
  data: {}
`, "conf.txt", "x", "extra.env", "EXTRA=1\n")
	ch, err := load(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	token := instancer.Token
	want := &instancer.Challenge{
		ID: "web-test", Name: "Login, please", Category: "web", Revision: ch.Revision, Dir: dir,
		Timeout: 30 * time.Minute, ExtendTime: 10 * time.Minute, Access: "owner", Egress: true, Volumes: []string{"data"},
		Routes: []instancer.Route{
			{Service: "web", Port: 80, Type: "http", Connection: "curl {url}"},
			{Name: "nc", Service: "db", Port: 9000, Type: "port"},
		},
		Services: []instancer.Service{{
			Name: "db", Image: "redis:7", User: "999", ReadOnly: true, Init: true, StopGrace: 2 * time.Second, Capabilities: []string{"SYS_PTRACE"},
			Health: &instancer.Health{Test: []string{"redis-cli", "ping"}, Timeout: 3 * time.Second},
			Limits: instancer.Limits{MemoryBytes: 128 << 20, NanoCPUs: 25e7, Pids: 64},
		}, {
			Name: "web", Image: "whaley/web-test-web:" + ch.Revision, Init: true, StopGrace: 5 * time.Second, Capabilities: []string{"SYS_PTRACE"},
			Build:       &instancer.Build{Context: dir, Dockerfile: "Dockerfile", Args: map[string]string{"A": "b"}},
			Environment: []string{"DEFAULT=fallback", "EXTRA=1", "HOST=" + token("HOST_nc"), "ID=" + token("INSTANCE_ID"), "PLAIN=a$b", "PORT=" + token("PORT_9000")},
			DependsOn:   []instancer.Dependency{{Service: "db", Condition: "service_healthy"}},
			Mounts: []instancer.Mount{
				{Source: filepath.Join(dir, "conf.txt"), Target: "/etc/conf.txt", ReadOnly: true}, {Source: "data", Target: "/data", Volume: true}},
			Tmpfs: []instancer.Tmpfs{{Target: "/run", Bytes: 1 << 20}}, Ulimits: []instancer.Ulimit{{Name: "nofile", Soft: 100, Hard: 200}},
			Limits: instancer.Limits{MemoryBytes: 128 << 20, NanoCPUs: 25e7, Pids: 64},
		}},
	}
	if diff := cmp.Diff(want, ch); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSettingsCapWhatAChallengeAsksFor(t *testing.T) {
	ch, err := load(t, folder(t, oneRoute+"[limits]\nmemory = \"64g\"\ncpus = 64\npids = 100000\n", "services:\n  web: {build: .}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if ch.Services[0].Limits != defaults.Limits {
		t.Errorf("%+v", ch.Services[0].Limits)
	}
}

func TestTheProcesssOwnEnvironmentIsNeverRead(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://hunter2")
	for _, service := range []string{
		"{build: ., environment: {A: \"$DATABASE_URL\"}}", "{build: ., environment: [DATABASE_URL]}",
		"{image: \"x:$DATABASE_URL\"}", "{build: ., environment: {A: \"${DATABASE_URL:-}\"}}",
	} {
		ch, err := load(t, folder(t, oneRoute, "services:\n  web: "+service+"\n"))
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %+v %v", service, ch, err)
		}
	}
	// An argument without a value is one that is not passed, says the specification.
	ch, err := load(t, folder(t, oneRoute, "services:\n  web:\n    build: {context: ., args: [DATABASE_URL]}\n"))
	if err != nil || len(ch.Services[0].Build.Args) != 0 {
		t.Errorf("%+v %v", ch, err)
	}
}

// Each is the whole of a service, or of a file if it begins with a key of its own.
var hostile = map[string]string{
	"privileged: true":                   "privileged: is not allowed",
	"devices: [/dev/kmsg]":               "devices: is not allowed",
	"gpus: all":                          "gpus: is not supported",
	"pid: host":                          "pid: is not allowed",
	"ipc: host":                          "ipc: is not allowed",
	"uts: host":                          "uts: is not supported",
	"userns_mode: host":                  "userns_mode: is not allowed",
	"cgroup: host":                       "cgroup: is not supported",
	"cgroup_parent: /":                   "cgroup_parent: is not allowed",
	"network_mode: host":                 "network_mode: is not allowed",
	"networks: [other]":                  "networks: is not allowed",
	"container_name: db":                 "container_name: is not allowed",
	"ports: [\"22:22\"]":                 "ports: is not allowed",
	"cap_add: [SYS_ADMIN]":               "cap_add: is not allowed",
	"security_opt: [seccomp=unconfined]": "security_opt: is not allowed",
	"sysctls: {kernel.shmmax: 1}":        "sysctls: is not allowed",
	"deploy: {replicas: 100}":            "deploy: is not allowed",
	"scale: 100":                         "scale: is not supported",
	"labels: {whaley.owner: x}":          "labels: is not allowed",
	"logging: {driver: syslog}":          "logging: is not allowed",
	"extends: {file: ../other/compose.yaml, service: x}":     "extends: is not allowed",
	"post_start: [{command: x}]":                             "post_start: is not supported",
	"provider: {type: x}":                                    "provider: is not supported",
	"use_api_socket: true":                                   "use_api_socket: is not supported",
	"runtime: sysbox":                                        "runtime: is not supported",
	"oom_kill_disable: true":                                 "oom_kill_disable: is not supported",
	"mem_limit: 64g":                                         "mem_limit: is not allowed",
	"extra_hosts: [\"a:1.2.3.4\"]":                           "extra_hosts: is not allowed",
	"volumes: [\"/var/run/docker.sock:/s\"]":                 "must be in the challenge's folder",
	"volumes: [\"/:/host\"]":                                 "must be in the challenge's folder",
	"volumes: [\"../..:/up\"]":                               "must be in the challenge's folder",
	"volumes: [\"./link:/up\"]":                              "must be in the challenge's folder",
	"volumes: [\"~/x:/up\"]":                                 "must be in the challenge's folder",
	"volumes: [{type: npipe, source: a, target: /b}]":        "",
	"volumes: [/anonymous]":                                  "needs a name out of the file's volumes",
	"env_file: ../secret.env":                                "env_file:",
	"env_file: [{path: /etc/passwd}]":                        "env_file:",
	"env_file: link/passwd":                                  "env_file:",
	"restart: always":                                        "restart:",
	"ulimits: {memlock: -1}":                                 "ulimits.memlock:",
	"ulimits: {nofile: 99999999}":                            "ulimits.nofile:",
	"hostname: \"$INSTANCE_ID\"":                             "command, entrypoint, environment and healthcheck only",
	"command: [\"$HOME\"]":                                   "$HOME: is none of Whaley's variables",
	"healthcheck: {test: [WAT, x]}":                          "",
	"command: !reset x":                                      "the tag !reset is not supported",
	"build: {context: .., dockerfile: Dockerfile}":           "build.context:",
	"build: {context: https://example.org/x.git}":            "build.context:",
	"build: {context: ., dockerfile: ../Dockerfile}":         "build.dockerfile:",
	"build: {context: ., network: host}":                     "build.network: is not supported",
	"build: {context: ., entitlements: [security.insecure]}": "build.entitlements: is not supported",
	"build: {context: ., ssh: [default]}":                    "build.ssh: is not supported",
	"build: {context: ., secrets: [x]}":                      "build.secrets: is not allowed",
	"build: {context: ., additional_contexts: {x: /}}":       "build.additional_contexts: is not supported",
	"build: {context: ., privileged: true}":                  "build.privileged: is not allowed",
	"build: {context: ., dockerfile_inline: FROM x}":         "build.dockerfile_inline: is not supported",
	"depends_on: {nobody: {condition: service_started}}":     "",
	"depends_on: {web: {condition: service_started}}":        "",
}

var hostileFiles = map[string]string{
	"":                "is empty",
	"services: {}":    "",
	"services: [web]": "",
	"\tx":             "is no valid YAML",
	"include: [../other]\nservices: {web: {build: .}}":                               "include: is not allowed",
	"networks: {default: {external: true}}\nservices: {web: {build: .}}":             "networks: is not allowed",
	"volumes: {x: {external: true}}\nservices: {web: {build: .}}":                    "volumes.x.external: is not supported",
	"volumes: {x: {driver_opts: {device: /, o: bind}}}\nservices: {web: {build: .}}": "volumes.x.driver_opts: is not supported",
	"secrets: {x: {file: /etc/shadow}}\nservices: {web: {build: .}}":                 "secrets: is not allowed",
	"configs: {x: {environment: PATH}}\nservices: {web: {build: .}}":                 "configs: is not allowed",
	"x-a: &a {privileged: true}\nservices: {web: {build: ., <<: *a}}":                "privileged: is not allowed",
	"x-a: &a {privileged: true}\nservices: {web: {build: ., <<: [*a]}}":              "privileged: is not allowed",
	"services: {web: {build: .}, web: {build: .}}":                                   "",
	"services: {a: {image: x}, b: {image: x}, c: {image: x}, d: {image: x}, e: {image: x}, f: {image: x}, g: {image: x}, h: {image: x}, i: {image: x}, j: {image: x}, k: {image: x}, l: {image: x}, m: {image: x}, web: {image: x}}": "a challenge has 1 to 13",
	"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nx-d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\nx-e: [*d,*d,*d,*d,*d,*d,*d,*d]\nservices: {web: {build: .}}":                                    "",
}

func TestWhatCouldReachTheHostIsRefusedByName(t *testing.T) {
	check := func(compose, want string) {
		t.Helper()
		dir := folder(t, oneRoute, compose)
		if err := os.Symlink("/etc", filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		ch, err := load(t, dir)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "web-test") {
			t.Errorf("%.200s:\n got %v %v, want %q", compose, ch, err, want)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%.100s took %s", compose, took)
		}
	}
	for line, want := range hostile {
		service := "    build: .\n    " + line + "\n"
		if strings.HasPrefix(line, "build:") {
			service = "    " + line + "\n"
		}
		check("services:\n  web:\n"+service, want)
	}
	for compose, want := range hostileFiles {
		check(compose, want)
	}
}

func TestProblemsNameFileLineAndKey(t *testing.T) {
	_, err := load(t, folder(t, oneRoute, "services:\n  web:\n    build: .\n    privileged: true\n    ports: [\"80\"]\n"))
	want := "web-test/compose.yaml:4: services.web.privileged: is not allowed: would give the container the host\n" +
		"web-test/compose.yaml:5: services.web.ports: is not allowed: routes in instance.toml publish ports; remove this key"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestTheRevisionChangesWithEverythingInTheFolder(t *testing.T) {
	const compose = "services:\n  web: {build: .}\n"
	dir := folder(t, oneRoute, compose, "app/flag.txt", "flag")
	revision := func() string {
		t.Helper()
		ch, err := load(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		return ch.Revision
	}
	seen := []string{revision()}
	if again := revision(); again != seen[0] {
		t.Errorf("%s and %s of the same folder", seen[0], again)
	}
	flag := filepath.Join(dir, "app", "flag.txt")
	for _, change := range []func() error{
		func() error { return os.WriteFile(flag, []byte("galf"), 0o644) },
		func() error { return os.Chmod(flag, 0o755) },
		func() error { return os.Rename(flag, flag+"2") },
		func() error { return os.Symlink("app", filepath.Join(dir, "link")) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if now := revision(); slices.Contains(seen, now) {
			t.Errorf("a change left the revision %s", now)
		} else {
			seen = append(seen, now)
		}
	}
}

func TestOneBrokenChallengeStopsNoOther(t *testing.T) {
	all := t.TempDir()
	const compose = "services:\n  web: {build: .}\n"
	put := func(name, toml, compose string) {
		t.Helper()
		if err := os.CopyFS(filepath.Join(all, name), os.DirFS(folder(t, toml, compose))); err != nil {
			t.Fatal(err)
		}
	}
	put("good", "category = \"web\""+oneRoute, compose)
	put("twin", "id = \"good\""+oneRoute, compose)
	put("broken", oneRoute, compose+"    privileged: true\n  x:\n    privileged: true\n")
	library := challenge.NewLibrary(all, defaults)
	problems, err := library.Reload(context.Background())
	if err != nil || len(library.All()) != 1 || len(problems) < 2 {
		t.Fatalf("%d loaded, problems %v, %v", len(library.All()), problems, err)
	}
	good, _ := library.Get("good")

	// A broken edit keeps the last good revision.
	path := filepath.Join(all, "good", "instance.toml")
	if err := os.WriteFile(path, []byte("oops"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := library.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	if still, ok := library.Get("good"); !ok || still.Revision != good.Revision {
		t.Errorf("after a broken edit: %+v", still)
	}
	if err := os.RemoveAll(filepath.Join(all, "good")); err != nil {
		t.Fatal(err)
	}
	if _, err := library.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	if twin, ok := library.Get("good"); !ok || filepath.Base(twin.Dir) != "twin" {
		t.Errorf("after its folder is gone: %+v %v", twin, ok)
	}
	if _, err := challenge.NewLibrary("/nowhere", defaults).Reload(context.Background()); err == nil || !strings.Contains(err.Error(), "CHALLENGES_DIR") {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func FuzzNoDefinitionStopsTheLoader(f *testing.F) {
	f.Add(oneRoute, "services:\n  web: {build: .}\n")
	f.Add("[limits]\nmemory = \"1e9999g\"", "services: {web: {image: x, command: '$'}}")
	f.Fuzz(func(t *testing.T, toml, compose string) {
		ch, err := load(t, folder(t, toml, compose))
		if (ch == nil) == (err == nil) {
			t.Errorf("%+v %v", ch, err)
		}
	})
}
