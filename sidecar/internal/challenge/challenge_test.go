package challenge_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

var defaults = challenge.Defaults{
	Timeout: time.Hour, Access: whaley.AccessLink,
	Limits: whaley.Limits{MemoryBytes: 384 << 20, NanoCPUs: 5e8, Pids: 256},
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

func load(t testing.TB, dir string) (*whaley.Challenge, error) {
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
    volumes: ["./conf.txt:/etc/conf.txt:ro", "data:/data"]
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
	token := whaley.Token
	want := &whaley.Challenge{
		ID: "web-test", Name: "Login, please", Category: "web", Revision: ch.Revision, Dir: dir,
		Timeout: 30 * time.Minute, ExtendTime: 10 * time.Minute, Access: "owner", Egress: true, Volumes: []string{"data"},
		Routes: []whaley.Route{
			{Service: "web", Port: 80, Type: "http", Connection: "curl {url}"},
			{Name: "nc", Service: "db", Port: 9000, Type: "port"},
		},
		Services: []whaley.Service{{
			Name: "db", Image: "redis:7", User: "999", ReadOnly: true, StopGrace: 2 * time.Second,
			Capabilities: []string{"SYS_PTRACE"},
			Health:       &whaley.Health{Test: []string{"redis-cli", "ping"}, Timeout: 3 * time.Second},
			Limits:       whaley.Limits{MemoryBytes: 128 << 20, NanoCPUs: 25e7, Pids: 64},
		}, {
			Name: "web", Image: "whaley/web-test-web:" + ch.Revision, StopGrace: 5 * time.Second,
			Capabilities: []string{"SYS_PTRACE"},
			Build:        &whaley.Build{Context: dir, Dockerfile: "Dockerfile", Args: map[string]string{"A": "b"}},
			Environment: []string{
				"DEFAULT=fallback", "EXTRA=1", "HOST=" + token("HOST_nc"), "ID=" + token("INSTANCE_ID"), "PLAIN=a$b",
				"PORT=" + token("PORT_9000"),
			},
			DependsOn: []whaley.Dependency{{Service: "db", Condition: "service_healthy"}},
			Mounts: []whaley.Mount{
				{Source: filepath.Join(dir, "conf.txt"), Target: "/etc/conf.txt", ReadOnly: true},
				{Source: "data", Target: "/data", Volume: true}},
			Tmpfs:   []whaley.Tmpfs{{Target: "/run", Bytes: 1 << 20}},
			Ulimits: []whaley.Ulimit{{Name: "nofile", Soft: 100, Hard: 200}},
			Limits:  whaley.Limits{MemoryBytes: 128 << 20, NanoCPUs: 25e7, Pids: 64},
		}},
	}
	if diff := cmp.Diff(want, ch); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSettingsCapWhatAChallengeAsksFor(t *testing.T) {
	ch, err := load(
		t, folder(t, oneRoute+"[limits]\nmemory = \"64g\"\ncpus = 64\npids = 100000\n", "services:\n  web: {build: .}\n"),
	)
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
		"{image: \"x:1$DATABASE_URL\"}", "{build: ., environment: {A: \"${DATABASE_URL:-}\"}}",
		"{build: {context: ., args: [DATABASE_URL]}}", "{build: ., env_file: more.env}",
	} {
		ch, err := load(
			t,
			folder(
				t, oneRoute, "services:\n  web: "+service+"\n", "more.env", "A=${DATABASE_URL}\n", ".env", "B=${DATABASE_URL}\n",
			),
		)
		if err != nil {
			t.Errorf("%s: %v", service, err)
			continue
		}
		if said := fmt.Sprintf("%+v %+v", ch, ch.Services[0].Build); strings.Contains(said, "hunter2") || len(ch.Notes) != 1 {
			t.Errorf("%s: %s", service, said)
		}
	}
}

func TestTheEnvFileBesideTheFileIsReadAsComposeDoes(t *testing.T) {
	ch, err := load(
		t, folder(t, oneRoute, "services:\n  web:\n    image: busybox:${VERSION}\n    environment: [KEY, OTHER=$KEY]\n",
			".env", "VERSION=1.36\nKEY=value\n"),
	)
	if err != nil {
		t.Fatal(err)
	}
	web := ch.Services[0]
	if diff := cmp.Diff([]string{"KEY=value", "OTHER=value"}, web.Environment); diff != "" ||
		web.Image != "busybox:1.36" || len(ch.Notes) > 0 {
		t.Errorf("%s %+v %v", diff, web, ch.Notes)
	}
	outside := folder(t, oneRoute, "services:\n  web: {image: x}\n")
	if err := os.Symlink("/etc/hostname", filepath.Join(outside, ".env")); err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, outside); err == nil ||
		!strings.Contains(err.Error(), "web-test/.env:1: must be a file in the challenge's folder") {
		t.Errorf("a link that leads out: %v", err)
	}
}

func TestOtherNamesOfServicesAreNamesOnTheirNetwork(t *testing.T) {
	ch, err := load(
		t,
		folder(
			t, oneRoute, "services:\n  web: {image: x, links: [\"db:database\"]}\n  db: {image: y, container_name: chal_db}\n",
		),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range ch.Services {
		if s.Name == "db" && (len(s.Joins) != 1 || !slices.Equal(s.Joins[0].Aliases, []string{"chal_db", "database"})) {
			t.Errorf("%+v", s.Joins)
		}
	}
}

// All that is wrong is said in one round, and nothing that only follows from something else.
func TestRefusalsAndNotesAreSaidTogether(t *testing.T) {
	_, err := load(t, folder(t, oneRoute, `services:
  web:
    build: {context: ./nowhere}
    privileged: true
    ports: ["1337:1337"]
    cap_add: [SYS_ADMIN]
    container_name: chal
    volumes: ["/root:/x"]
  api:
    image: [1]
`))
	var got challenge.Problems
	if !errors.As(err, &got) {
		t.Fatal(err)
	}
	var keys []string
	for _, p := range got {
		keys = append(keys, fmt.Sprintf("%d %s %v", p.Line, p.Key, p.Note))
	}
	want := []string{
		"3 services.web.build.context false", "4 services.web.privileged false", "5 services.web.ports true",
		"5 services.web.ports true", "6 services.web.cap_add[0] false", "7 services.web.container_name true",
		"8 services.web.volumes[0] false", "10 services.api.image false",
	}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("%s\n%v", diff, err)
	}
}

func TestProblemsNameFileLineAndKey(t *testing.T) {
	_, err := load(
		t,
		folder(t, oneRoute+"type = \"x\"\n", "services:\n  web:\n    build: .\n    privileged: true\n    ports: [\"81\"]\n"),
	)
	want := "web-test/instance.toml:5: routes[0].type: \"x\" must be \"http\", \"tcp\", \"port\" or \"custom\"\n" +
		"web-test/compose.yaml:4: services.web.privileged: \"true\" is not allowed: would give the container the host; try without it. " +
		"A jail wants it most often: an instance is one owner's, so the program can run behind socat instead\n" +
		"web-test/compose.yaml:5: services.web.ports: note: no route leads to port 81 of web; players reach it only by a [[routes]] in instance.toml"
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
	if _, err := challenge.NewLibrary("/nowhere", defaults).Reload(context.Background()); err == nil ||
		!strings.Contains(err.Error(), "CHALLENGES_DIR") {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestTheComposeFileMayLieDeeperInTheFolder(t *testing.T) {
	named := "compose = \"deploy/docker-compose.yml\"\n" + oneRoute
	const elsewhere = "services:\n  web:\n    build: ../src\n    env_file: web.env\n    volumes: [\"../data:/data:ro\", \"../../up:/up\"]\n"
	dir := folder(
		t, named, "services: {other: {image: busybox}}", "deploy/docker-compose.yml",
		strings.Replace(elsewhere, ", \"../../up:/up\"", "", 1), "src/Dockerfile", "FROM busybox\n", "deploy/web.env",
		"A=$B\n", "deploy/.env", "B=b\n", "data/x", "x",
	)
	ch, err := load(t, dir)
	if err != nil || len(ch.Services) != 1 || ch.Services[0].Build.Context != filepath.Join(dir, "src") ||
		ch.Services[0].Mounts[0].Source != filepath.Join(dir, "data") || !slices.Equal(
		ch.Services[0].Environment, []string{"A=b"},
	) {
		t.Fatalf("%v %+v", err, ch)
	}
	for text, want := range map[string]string{
		"../x.yml":    `"../x.yml" must be a file in the challenge's folder`,
		"/etc/passwd": `"/etc/passwd" must be a file in the challenge's folder`,
		"absent.yml":  `there is no "absent.yml" in the challenge's folder`,
		"deploy":      `"deploy" must be a file in the challenge's folder`,
		"out":         `"out" must be a file in the challenge's folder`,
	} {
		dir := folder(t, "compose = \""+text+"\"\n"+oneRoute, "services: {web: {build: .}}", "deploy/x", "x")
		if err := os.Symlink("/etc/passwd", filepath.Join(dir, "out")); err != nil {
			t.Fatal(err)
		}
		if _, err := load(t, dir); err == nil || !strings.Contains(err.Error(), "web-test/instance.toml:1: compose: "+want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	_, err = load(
		t,
		folder(t, named, "", "deploy/docker-compose.yml", elsewhere, "src/Dockerfile", "FROM busybox\n", "deploy/web.env", ""),
	)
	if err == nil ||
		!strings.Contains(
			err.Error(), "web-test/deploy/docker-compose.yml:5: services.web.volumes[1]: must be in the challenge's folder",
		) {
		t.Errorf("a bind above the folder: %v", err)
	}
}

func TestOfSeveralComposeFilesTheOneIsTakenThatComposeTakes(t *testing.T) {
	ch, err := load(
		t, folder(t, oneRoute, "services: {web: {build: .}}", "docker-compose.yml", "services: {other: {build: .}}"),
	)
	if err != nil || len(ch.Services) != 1 || ch.Services[0].Name != "web" {
		t.Fatalf("%v %+v", err, ch)
	}
	if len(ch.Notes) != 1 || ch.Notes[0].File != "web-test/docker-compose.yml" ||
		!strings.Contains(ch.Notes[0].Text, "Compose takes compose.yaml") {
		t.Errorf("%+v", ch.Notes)
	}
}
