package config_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
)

var write = flag.Bool("write", false, "write docs/settings.md and .env.example")

func TestNothingIsNeeded(t *testing.T) {
	c, err := config.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.DashboardURL != "http://whaley.localhost:8080" || c.Pool.IsValid() || c.InstanceTimeout.Duration().Hours() != 1 {
		t.Errorf("%+v", c)
	}
}

func TestEveryProblemIsReportedAtOnceByName(t *testing.T) {
	_, err := config.Load(map[string]string{
		"EDGE": "nginx", "AUTH_MODE": "x", "LISTEN": "8000", "SPAWN_CONCURRENCY": "many", "START_TIMEOUT": "0",
		"SUBNET_POOL":          "fd00::/8",
		"CONTAINER_MAX_MEMORY": "lots", "PORT_RANGE_START": "5000", "PORT_RANGE_END": "4000", "TRUSTED_PROXIES": "lan",
		"SECRET":      "short",
		"BASE_DOMAIN": "x", "DASHBOARD_URL": "whaley", "LOG_LEVEL": "loud", "ROUTE_MODE": "x",
	})
	if err == nil {
		t.Fatal("taken")
	}
	for _, name := range []string{
		"EDGE", "AUTH_MODE", "LISTEN", "SPAWN_CONCURRENCY", "START_TIMEOUT", "SUBNET_POOL", "CONTAINER_MAX_MEMORY",
		"PORT_RANGE_START", "TRUSTED_PROXIES", "SECRET", "BASE_DOMAIN", "DASHBOARD_URL", "LOG_LEVEL", "ROUTE_MODE",
	} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not in\n%v", name, err)
		}
	}
}

func TestTraefikNeedsItsKeyAndRedis(t *testing.T) {
	_, err := config.Load(map[string]string{"EDGE": "traefik"})
	if err == nil || !strings.Contains(err.Error(), "PLUGIN_KEY") || !strings.Contains(err.Error(), "TRAEFIK_REDIS_URL") {
		t.Errorf("%v", err)
	}
	c, err := config.Load(map[string]string{
		"EDGE": "traefik", "PLUGIN_KEY": strings.Repeat("k", 16), "REDIS_URL": "redis://r:6379/1",
	})
	if err != nil || c.TraefikRedisURL != "redis://r:6379/1" || len(c.Trusted) != 2 {
		t.Errorf("%+v %v", c, err)
	}
}

func TestTraefikIsTrustedBesideTheProxiesInFrontOfIt(t *testing.T) {
	settings := map[string]string{
		"EDGE": "traefik", "PLUGIN_KEY": strings.Repeat("k", 32), "REDIS_URL": "redis://r:6379/1",
		"TRUSTED_PROXIES": "10.0.0.5, 2001:db8::/32",
	}
	c, err := config.Load(settings)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.Trusted); got != "[10.0.0.5/32 2001:db8::/32 127.0.0.1/32 ::1/128]" {
		t.Errorf("behind Traefik %s", got)
	}
	settings["EDGE"] = "embedded"
	if c, err = config.Load(settings); err != nil || len(c.Trusted) != 2 {
		t.Errorf("behind the embedded edge %v, %v", c.Trusted, err)
	}
	for _, everybody := range []string{"0.0.0.0/0", "10.0.0.5,::/0"} {
		settings["TRUSTED_PROXIES"] = everybody
		if _, err = config.Load(settings); err == nil || !strings.Contains(err.Error(), "believes everybody") {
			t.Errorf("%s: %v", everybody, err)
		}
	}
}

func TestDashboardAndInstancesCannotShareCookies(t *testing.T) {
	for _, pair := range [][2]string{
		{"example.org", "https://example.org"}, {"example.org", "https://whaley.example.org"},
		{"i.example.org", "https://example.org"},
	} {
		if _, err := config.Load(map[string]string{"BASE_DOMAIN": pair[0], "DASHBOARD_URL": pair[1]}); err == nil ||
			!strings.Contains(err.Error(), "cookies") {
			t.Errorf("%v: %v", pair, err)
		}
	}
	for _, ctfd := range []string{"https://example.org", "https://ctf.i.example.org", "http://i.example.org:8000"} {
		for _, name := range []string{"CTFD_URL", "CTFD_PUBLIC_URL"} {
			_, err := config.Load(map[string]string{
				"BASE_DOMAIN": "i.example.org", "DASHBOARD_URL": "https://whaley.example.org", name: ctfd,
			})
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("a scoreboard at %s: %v", ctfd, err)
			}
		}
	}
	if _, err := config.Load(map[string]string{
		"BASE_DOMAIN": "i.example.org", "DASHBOARD_URL": "https://whaley.example.org", "CTFD_URL": "https://ctf.example.org",
	}); err != nil {
		t.Error(err)
	}
}

func TestSecretsComeFromFilesAndAreNeverPrinted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(longSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(map[string]string{"SECRET_FILE": file, "DATABASE_URL": "postgres://u:hunter2@db/x"})
	if err != nil || string(c.Secret) != longSecret {
		t.Fatalf("%v", err)
	}
	text, _ := json.Marshal(c)
	for _, printed := range []string{fmt.Sprintf("%v %+v %#v %s", c, c, c, c.Secret), string(text)} {
		if strings.Contains(printed, "hunter2") {
			t.Errorf("printed: %s", printed)
		}
	}
	if _, err := config.Load(map[string]string{"SECRET_FILE": "/nowhere"}); err == nil ||
		!strings.Contains(err.Error(), "SECRET_FILE") {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestTheReferencesAreFresh(t *testing.T) {
	for file, want := range map[string]string{"docs/settings.md": config.Reference(), ".env.example": config.Example()} {
		path := filepath.Join("../../..", file)
		if *write {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(path)
		if err != nil || string(text) != want {
			t.Errorf("%s is older than the settings (%v): run go test ./internal/config -write", file, err)
		}
	}
}

// Every row must be good enough for a form.
func TestTheTableDescribesEverySetting(t *testing.T) {
	defaults, err := config.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range config.Table() {
		if s.Section == "" || len(s.Help) < 10 || !strings.HasSuffix(s.Help, ".") ||
			(s.Type == config.TypeEnum) != (len(s.Choices) > 0) {
			t.Errorf("%+v", s)
		}
		text := defaults.Value(s)
		again, err := config.Load(map[string]string{s.Name: text})
		if err != nil && s.Name != "DASHBOARD_URL" || err == nil && again.Value(s) != text {
			t.Errorf("%s: its default %q does not survive: %v", s.Name, text, err)
		}
	}
}

const longSecret = "hunter2 and thirty-nine bytes of wood!"

func TestAKeyThatCanBeGuessedIsRefused(t *testing.T) {
	for _, key := range []string{
		"changemechangeme", "change-me-please-1234", "your-secret-key-here", "whaley-admin-key-2026", "aaaaaaaaaaaaaaaa",
		"abcabcabcabcabcabcabc",
		"0123456789abcdef", "passwordpassword", "Admin123Admin123", "supersecretadminkey", "CHANGE_ME_TO_A_SECRET",
		"<your admin key here>",
		"secret-secret-secret", "1234567890123456",
	} {
		if _, err := config.Load(map[string]string{"ADMIN_KEY": key}); err == nil ||
			!strings.Contains(err.Error(), "ADMIN_KEY can be guessed") || strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
	if _, err := config.Load(map[string]string{"SECRET": strings.Repeat("changeme", 5)}); err == nil ||
		!strings.Contains(err.Error(), "SECRET can be guessed") {
		t.Errorf("%v", err)
	}
	for _, key := range []string{
		"9f86d081884c7d659a2feaa0c55ad015", "dGhlIGtleSBpcyBsb25n", "correct horse battery staple", "X7-kQ2-pP9-mZ4-tL1",
	} {
		ctfd := map[string]string{
			"ADAPTER_KEY": key, "AUTH_MODE": "ctfd", "CTFD_URL": "https://ctf.example", "CTFD_API_KEY": "x",
		}
		if _, err := config.Load(ctfd); err != nil {
			t.Error(err)
		}
		if _, err := config.Load(map[string]string{"ADAPTER_KEY": key}); err == nil ||
			!strings.Contains(err.Error(), "ADAPTER_KEY needs AUTH_MODE=ctfd") {
			t.Error(err)
		}
		ctfd["ADMIN_KEY"] = key
		if _, err := config.Load(ctfd); err == nil || !strings.Contains(err.Error(), "another key") {
			t.Error(err)
		}
		if _, err := config.Load(map[string]string{"ADMIN_KEY": key}); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestCTFdNeedsAnAddressAndAKey(t *testing.T) {
	_, err := config.Load(map[string]string{"AUTH_MODE": "ctfd", "TEAM_MODE": "some"})
	for _, name := range []string{"CTFD_URL", "CTFD_API_KEY", "TEAM_MODE"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not in %v", name, err)
		}
	}
	c, err := config.Load(map[string]string{
		"AUTH_MODE": "ctfd", "CTFD_URL": "https://ctf.example.org", "CTFD_API_KEY": "ctfd_x",
	})
	if err != nil || c.CTFdPublicURL != c.CTFdURL {
		t.Errorf("players are led to %q, %v", c.CTFdPublicURL, err)
	}
	c, err = config.Load(map[string]string{"CTFD_URL": "http://ctfd:8000", "CTFD_PUBLIC_URL": "https://ctf.example.org"})
	if err != nil || c.CTFdPublicURL != "https://ctf.example.org" {
		t.Errorf("players are led to %q, %v", c.CTFdPublicURL, err)
	}
}
