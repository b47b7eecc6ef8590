package system

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker/dockertest"
)

// fixture is one challenge made of the test server of dockertest.
type fixture struct {
	toml    string // instance.toml after the id; empty: one http route to port 8080
	env     string // environment of the service, lines of "KEY: value"
	compose string // instead of the one service
}

const httpRoute = `
[[routes]]
service = "web"
port = 8080
type = "http"
`

// fixtures are the challenges that most tests use.
var fixtures = map[string]fixture{
	"echo":    {},
	"guarded": {toml: `access = "owner"` + "\n" + httpRoute},
	"manual":  {toml: `wake = false` + "\n" + httpRoute},
	"brief":   {toml: "timeout = 10\nextend_time = 5\n" + httpRoute},
	"slow":    {env: `START_DELAY_MS: "6000"`},
	"never":   {env: `NEVER: "1"`},
	"exits":   {env: `EXIT: "3"`},
	"loud":    {env: `PRINT_MB: "` + loud() + `"`},
	"raw": {toml: httpRoute + `
[[routes]]
name = "nc"
service = "web"
port = 9000
type = "port"

[[routes]]
name = "sni"
service = "web"
port = 9000
type = "tcp"
`},
	"datagrams": {toml: httpRoute + `
[[routes]]
name = "u"
service = "web"
port = 9000
type = "port"
protocol = "udp"
`},
	"kinds": {toml: httpRoute + `
[[routes]]
name = "ended"
service = "web"
port = 9000
type = "tcp"

[[routes]]
name = "through"
service = "web"
port = 9443
type = "tcp"
passthrough = true

[[routes]]
name = "shell"
service = "web"
port = 9000
type = "custom"
entrypoint = "ssh"

[[routes]]
name = "shell-tls"
service = "web"
port = 9000
type = "custom"
entrypoint = "ssh"
tls = true
`},
	"own": {toml: httpRoute + `
[[routes]]
name = "bot"
service = "bot"
port = 8080

[[routes]]
name = "ended"
service = "web"
port = 9000
type = "tcp"

[[routes]]
name = "through"
service = "web"
port = 9443
type = "tcp"
passthrough = true
`, compose: `
services:
  web:
    build: .
    environment: {OWN: "${URL_web}", SSL_CERT_FILE: "${WHALEY_CA}"}
  bot:
    build: .
    user: "65534:65534"
    environment: {OWN: "${URL_}", SSL_CERT_FILE: "${WHALEY_CA}"}
`},
	"pair": {compose: `
services:
  web:
    build: .
    command: ["/server"]
    depends_on:
      db: {condition: service_healthy}
  db:
    build: .
    command: ["/server"]
    environment:
      HEALTH_AFTER_MS: "700"
    healthcheck:
      test: ["CMD", "/server", "health"]
      interval: 30s
`},
}

// loud is how many megabytes a container prints: LOUD_MB, or few.
func loud() string {
	if size := os.Getenv("LOUD_MB"); size != "" {
		return size
	}
	return "16"
}

// writeFixtures makes a challenges folder of the named fixtures, or of all.
func writeFixtures(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	if len(names) == 0 {
		for name := range fixtures {
			names = append(names, name)
		}
	}
	for _, name := range names {
		writeFixture(t, filepath.Join(dir, name), fixtures[name])
	}
	return dir
}

func writeFixture(t *testing.T, dir string, f fixture) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS(dockertest.TestServerContext(t))); err != nil {
		t.Fatal(err)
	}
	if f.toml == "" {
		f.toml = httpRoute
	}
	if f.compose == "" {
		f.compose = "services:\n  web:\n    build: .\n"
		if f.env != "" {
			f.compose += "    environment:\n      " + strings.ReplaceAll(f.env, "\n", "\n      ") + "\n"
		}
	}
	write(t, filepath.Join(dir, "instance.toml"), "name = \"Fixture\"\ncategory = \"web\"\n"+f.toml)
	write(t, filepath.Join(dir, "compose.yaml"), f.compose)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
