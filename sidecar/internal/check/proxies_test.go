package check

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sidecarThatSays is one that runs and finds a dependency to be in a state; its settings are those that check gets.
func sidecarThatSays(t *testing.T, state string, more ...string) map[string]string {
	t.Helper()
	running := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(
			w, `{"status":"x","dependencies":[{"name":"engine","status":"failed"},{"name":"proxies","status":%q,"detail":""}]}`,
			state,
		)
	}))
	t.Cleanup(running.Close)
	env := map[string]string{
		"DATA_DIR": t.TempDir(), "CHALLENGES_DIR": t.TempDir(), "LISTEN": strings.TrimPrefix(running.URL, "http://"),
	}
	for n := 0; n+1 < len(more); n += 2 {
		env[more[n]] = more[n+1]
	}
	return env
}

func TestCheckNoticesThatAllPlayersAreBehindOneAddress(t *testing.T) {
	probe := func(env map[string]string) func(*report) {
		return func(r *report) { checkProxies(context.Background(), settings(t, env), r) }
	}
	told(t, 1, probe(sidecarThatSays(t, "failed")), "one private address", "TRUSTED_PROXIES")
	told(t, 0, probe(sidecarThatSays(t, "ok")), "proxies     ok")
	nobody := sidecarThatSays(t, "ok")
	nobody["LISTEN"] = "127.0.0.1:1"
	told(t, 0, probe(nobody), "proxies     ok")
}

func TestCheckNoticesThatTraefikTrustsOthersThanTheSidecar(t *testing.T) {
	for trusted, faults := range map[string]int{
		"": 1, "10.0.0.5": 1, "192.168.7.0/24, 10.0.0.5": 0, "10.0.0.5,192.168.7.9/24": 0,
	} {
		env := sidecarThatSays(
			t, "ok", "EDGE", "traefik", "PLUGIN_KEY", "Kq7bW2xZp9LmRt4vYc6N", "REDIS_URL", "redis://127.0.0.1:1/0",
			"TRUSTED_PROXIES", trusted,
		)
		made := exec.Command(
			filepath.Join("..", "..", "..", "scripts", "traefik-config"), "80", "8443", "8081", "127.0.0.1:6379",
			filepath.Join(env["DATA_DIR"], "traefik"),
		)
		made.Env = append(os.Environ(), "TRUSTED_PROXIES=10.0.0.5,192.168.7.0/24")
		if out, err := made.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		told(
			t, faults, func(r *report) { checkProxies(context.Background(), settings(t, env), r) },
			map[int]string{0: "proxies     ok", 1: "make up"}[faults],
		)
	}
}

func TestCheckNoticesWhatTraefikDoesWithForwardingHeaders(t *testing.T) {
	for traefik, sidecar := range map[string]string{"true": "false", "": "true", "1": "true", "false": ""} {
		env := sidecarThatSays(
			t, "ok", "EDGE", "traefik", "PLUGIN_KEY", "Kq7bW2xZp9LmRt4vYc6N", "REDIS_URL", "redis://127.0.0.1:1/0",
			"TRUSTED_PROXIES", "10.0.0.5", "FORWARDED_AS_SENT", sidecar,
		)
		made := exec.Command(
			filepath.Join("..", "..", "..", "scripts", "traefik-config"), "80", "8443", "8081", "127.0.0.1:6379",
			filepath.Join(env["DATA_DIR"], "traefik"),
		)
		made.Env = append(os.Environ(), "TRUSTED_PROXIES=10.0.0.5", "FORWARDED_AS_SENT="+traefik)
		if out, err := made.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		probe := func(r *report) { checkProxies(context.Background(), settings(t, env), r) }
		if traefik == "1" || traefik == "false" {
			told(t, 0, probe, "proxies     ok")
		} else {
			told(t, 1, probe, "insecure", "FORWARDED_AS_SENT", "make up")
		}
	}
	asked := func(edge, asSent string) func(*report) {
		env := sidecarThatSays(
			t, "ok", "EDGE", edge, "PLUGIN_KEY", "Kq7bW2xZp9LmRt4vYc6N", "REDIS_URL", "redis://127.0.0.1:1/0",
			"FORWARDED_AS_SENT", asSent,
		)
		dir := filepath.Join(env["CHALLENGES_DIR"], "headers")
		err := os.Mkdir(dir, 0o700)
		for name, text := range map[string]string{
			"instance.toml": "id = \"headers\"\nname = \"Headers\"\n[[routes]]\nservice = \"web\"\nport = 80\nforwarded = \"none\"\n",
			"compose.yaml":  "services: { web: { image: nginx } }\n",
		} {
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		return func(r *report) { checkChallenges(context.Background(), settings(t, env), "", r) }
	}
	told(t, 1, asked("traefik", ""), "of headers", "FORWARDED_AS_SENT=true", "make up")
	told(t, 0, asked("traefik", "true"), "1 can be started")
	told(t, 0, asked("embedded", ""), "1 can be started")
}
