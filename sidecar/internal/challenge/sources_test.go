package challenge_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// service is one of a challenge's services by name.
func service(t *testing.T, ch *whaley.Challenge, name string) whaley.Service {
	t.Helper()
	for _, s := range ch.Services {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no service %s in %+v", name, ch.Services)
	return whaley.Service{}
}

func TestWhatAServiceExtendsIsWhatComposeMakesOfIt(t *testing.T) {
	dir := folder(t, oneRoute, `
services:
  web:
    extends: {file: common/base.yml, service: app}
    environment: {OWN: "mine", BOTH: "mine", MONEY: "$$5"}
    command: ["serve"]
  near:
    extends: web
    environment: ["NEAR=1"]
  far:
    extends: {file: ./compose.yaml, service: near}
`, "common/base.yml", `
x-unused: {privileged: true}
networks: {host: {external: true}}
services:
  other: {image: x, privileged: true}
  app:
    extends: deeper
    environment: {BASE: "${SET}", BOTH: "theirs", CHEAP: "$${SET}"}
    volumes: ["./data:/data:ro"]
    env_file: base.env
  deeper:
    extends: {file: more/again.yml, service: root}
    working_dir: /deeper
`, "common/more/again.yml", `
services:
  root:
    build: .
    user: "1000"
`, "common/more/Dockerfile", "FROM busybox:1.36\n", "common/data/a", "a", "common/base.env", "FROM_FILE=$SET\n", ".env", "SET=it\n")
	ch, err := load(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, more := range map[string][]string{"web": nil, "near": {"NEAR=1"}, "far": {"NEAR=1"}} {
		s := service(t, ch, name)
		want := append([]string{"BASE=it", "BOTH=mine", "CHEAP=${SET}", "FROM_FILE=it", "MONEY=$5", "OWN=mine"}, more...)
		slices.Sort(want)
		if !slices.Equal(s.Environment, want) {
			t.Errorf("%s: %q", name, s.Environment)
		}
		if s.User != "1000" || s.WorkingDir != "/deeper" || !slices.Equal(s.Command, []string{"serve"}) ||
			s.Build == nil || s.Build.Context != filepath.Join(dir, "common/more") ||
			len(s.Mounts) != 1 || s.Mounts[0].Source != filepath.Join(dir, "common/data") {
			t.Errorf("%s: %+v %+v", name, s, s.Build)
		}
	}
}

func TestIncludedFilesArePartOfTheirs(t *testing.T) {
	dir := folder(t, oneRoute, `
include:
  - db/compose.yml
  - path: [cache/compose.yml, cache/more.yml]
    project_directory: .
    env_file: [cache/one.env, cache/two.env]
  - db/compose.yml
services:
  web:
    image: busybox:1.36
    depends_on: [db, cache]
  db:
    environment: {OWN: "mine"}
`, "db/compose.yml", `
services:
  db:
    build: .
    environment: {NAME: "$NAME", OWN: "theirs"}
    volumes: ["data:/var/lib"]
volumes: {data: {}}
`, "db/Dockerfile", "FROM busybox:1.36\n", "db/.env", "NAME=of the db\n", ".env", "OUTER=outer\n",
		"cache/compose.yml", `
include: [db/compose.yml]
services:
  cache: {image: "cache:1", command: ["$ONE", "$OUTER"], volumes: ["./file:/file:ro"]}
`, "cache/more.yml", `
services:
  cache: {image: "cache:2"}
`, "cache/one.env", "ONE=1\n", "cache/two.env", "ONE=2\n", "file", "x", "db/file", "y")
	ch, err := load(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	db, cache := service(t, ch, "db"), service(t, ch, "cache")
	if !slices.Equal(db.Environment, []string{"NAME=of the db", "OWN=mine"}) ||
		db.Build.Context != filepath.Join(dir, "db") {
		t.Errorf("%+v %+v", db, db.Build)
	}
	if cache.Image != "cache:2" || !slices.Equal(cache.Command, []string{"2", "outer"}) ||
		cache.Mounts[0].Source != filepath.Join(dir, "file") {
		t.Errorf("%+v", cache)
	}
	if !slices.Equal(ch.Volumes, []string{"data"}) || len(ch.Services) != 3 {
		t.Errorf("%q, %d services", ch.Volumes, len(ch.Services))
	}
}

// What is wrong in a file that another one names is told of there, beside all else and once.
func TestFindingsStandInTheFileTheyAreAbout(t *testing.T) {
	dir := folder(t, oneRoute, `
include: [db/compose.yml, loop.yml]
services:
  web:
    extends: {file: base.yml, service: app}
    container_name: ww
  two:
    extends: {file: base.yml, service: app}
`, "db/compose.yml", `
services:
  db:
    image: x
    pid: host
    volumes: ["/root:/x"]
`, "base.yml", `
services:
  app:
    image: x
    ports: ["80:80"]
    logging: {driver: none}
    cap_add: [SYS_ADMIN]
    network_mode: host
`, "loop.yml", "include: [compose.yaml]\n")
	_, err := load(t, dir)
	var got []string
	for _, p := range err.(challenge.Problems) {
		place, _, _ := strings.Cut(p.String(), ": ")
		got = append(got, place+" "+p.Key)
	}
	want := []string{
		"web-test/compose.yaml:6 services.web.container_name",
		"web-test/base.yml:5 services.app.ports", "web-test/base.yml:5 services.app.ports",
		"web-test/base.yml:6 services.app.logging",
		"web-test/base.yml:7 services.app.cap_add[0]", "web-test/base.yml:8 services.app.network_mode",
		"web-test/db/compose.yml:5 services.db.pid", "web-test/db/compose.yml:6 services.db.volumes[0]",
		"web-test/loop.yml:1 include[0]",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s\n%v", strings.Join(got, "\n"), strings.Join(want, "\n"), err)
	}
}

func TestFilesThatNameEachOtherCostNoMoreThanOne(t *testing.T) {
	wide := make([]string, 0, 200)
	for range 100 {
		wide = append(wide, "again/loop.yml", "loop.yml")
	}
	many := "include: [" + strings.Join(wide, ", ") + "]\nservices: {web: {image: x}}\n"
	var chain []string
	for n := range 20 {
		chain = append(
			chain, "f"+strconv.Itoa(n)+".yml",
			"services: {s: {image: x, extends: {service: s, file: f"+strconv.Itoa(n+1)+".yml}}}\n",
		)
	}
	big := "services:\n  web: {image: x, command: [" + strings.Repeat("x, ", 900) + "x], entrypoint: [" +
		strings.Repeat("x, ", 900) + "x]}\n"
	for n := range 12 {
		big += "  s" + strconv.Itoa(n) + ": {extends: web}\n"
	}
	for name, c := range map[string]struct{ compose, says string }{
		"a folder in itself": {many, "more than 100 times"},
		"a long chain":       {"services: {web: {extends: {service: s, file: f0.yml}}}\n", "that extend each other"},
		"copies":             {big, "becomes too large"},
	} {
		dir := folder(t, oneRoute, c.compose, append(chain, "loop.yml", many)...)
		if err := os.Symlink(".", filepath.Join(dir, "again")); err != nil {
			t.Fatal(err)
		}
		if _, err := load(t, dir); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %.2000v", name, err)
		}
	}
	dir := folder(t, oneRoute, "include: [pipe]\nservices: {web: {image: x}}\n")
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, dir); err == nil || !strings.Contains(err.Error(), `"pipe" must be a file`) {
		t.Error(err)
	}
}
