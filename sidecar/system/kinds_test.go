package system

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// tool runs a player's program with a line as its input, and wants to see something in what it prints.
func tool(s *stack, want, input string, command ...string) {
	s.t.Helper()
	s.eventually(command[0]+" shows "+want, 40*time.Second, func() error {
		// The input stays open for a moment, as a terminal's would.
		shell := exec.Command("sh", "-c", `{ printf '%s\n' "$0"; sleep 0.5; } | timeout 3 "$@" 2>&1`, input)
		shell.Args = append(shell.Args, command...)
		out, err := shell.Output()
		if !strings.Contains(string(out), want) {
			return fmt.Errorf("%v: %.500q", err, out)
		}
		return nil
	})
}

func TestEveryKindOfRouteIsReachedByItsTool(t *testing.T) {
	t.Parallel()
	s := start(t, "traefik", writeFixtures(t, "kinds"))
	in := s.running(alice, "kinds")
	byName := map[string]route{}
	for _, r := range in.Routes {
		byName[r.Name] = r
	}
	web := byName[""]
	s.awaitRouter(in.ID)
	tool(s, "test server", "", "curl", "-sS", "--resolve", web.Host+":"+portOnly(t, s.web)+":127.0.0.1", web.URL+"/")
	tool(s, "whaley.invalid", "", "openssl", "s_client", "-connect", s.tls, "-servername", byName["ended"].Host)
	tool(
		s, "whale in TLS", "whale in TLS", "openssl", "s_client", "-quiet", "-no_ign_eof", "-connect", s.tls, "-servername",
		byName["ended"].Host,
	)
	tool(
		s, "whale by ncat", "whale by ncat", "ncat", "--ssl", "--ssl-servername", byName["ended"].Host, "127.0.0.1",
		portOnly(t, s.tls),
	)
	tool(s, "the container's own", "", "openssl", "s_client", "-connect", s.tls, "-servername", byName["through"].Host)
	tool(
		s, "whale through TLS", "whale through TLS", "openssl", "s_client", "-quiet", "-no_ign_eof", "-connect", s.tls,
		"-servername", byName["through"].Host,
	)
	tool(
		s, "whale in a TLS shell", "whale in a TLS shell", "openssl", "s_client", "-quiet", "-no_ign_eof", "-connect", s.ssh,
		"-servername", byName["shell-tls"].Host,
	)
	tool(s, "whale in a shell", "whale in a shell", "ncat", "127.0.0.1", portOnly(t, s.ssh))
}

// One key that Traefik does not know would stop all its updates: so each kind that may be given is given here.
func TestPermanentKeysNeverStopTraefiksUpdates(t *testing.T) {
	t.Parallel()
	keys := map[string]string{
		"http/routers/extra/rule": "Host(`extra.localhost`)", "http/routers/extra/service": "extra",
		"http/routers/extra/priority":      "7",
		"http/routers/extra/entryPoints/0": "web", "http/routers/extra/middlewares/0": "all@redis",
		"http/routers/extra-tls/rule": "Host(`extra.localhost`)", "http/routers/extra-tls/service": "extra",
		"http/routers/extra-tls/entryPoints/0": "websecure",
		"http/routers/extra-tls/tls":           "true", "http/routers/extra-tls/tls/domains/0/main": "extra.localhost",
		"http/routers/extra-tls/tls/domains/0/sans/0":     "*.extra.localhost",
		"http/services/extra/loadBalancer/servers/0/url":  "http://127.0.0.1:1",
		"http/services/extra/loadBalancer/passHostHeader": "false",
		"http/middlewares/limit/rateLimit/average":        "100", "http/middlewares/limit/rateLimit/burst": "50",
		"http/middlewares/strip/stripPrefix/prefixes/0": "/x", "http/middlewares/regex/stripPrefixRegex/regex/0": "/y+",
		"http/middlewares/add/addPrefix/prefix":                      "/z",
		"http/middlewares/head/headers/customRequestHeaders/X-Test":  "1",
		"http/middlewares/head/headers/customResponseHeaders/X-Test": "",
		"http/middlewares/list/ipAllowList/sourceRange/0":            "127.0.0.0/8",
		"http/middlewares/all/chain/middlewares/0":                   "limit@redis",
		"http/middlewares/scheme/redirectScheme/scheme":              "https",
		"http/middlewares/scheme/redirectScheme/port":                "443",
		"http/middlewares/scheme/redirectScheme/permanent":           "true",
		"http/middlewares/away/redirectRegex/regex":                  "^.*$",
		"http/middlewares/away/redirectRegex/replacement":            "http://example.org",
		"http/middlewares/away/redirectRegex/permanent":              "false",
		"http/middlewares/auth/basicAuth/users/0":                    "a:$2y$05$abcdefghijklmnopqrstuv",
		"http/middlewares/auth/basicAuth/realm":                      "r",
		"http/middlewares/auth/basicAuth/removeHeader":               "true",
		"tcp/routers/extra/rule":                                     "HostSNI(`extra.localhost`)",
		"tcp/routers/extra/service":                                  "extra",
		"tcp/routers/extra/priority":                                 "7",
		"tcp/routers/extra/entryPoints/0":                            "tcp", "tcp/routers/extra/middlewares/0": "list@redis",
		"tcp/routers/extra/tls/passthrough":                 "true",
		"tcp/services/extra/loadBalancer/servers/0/address": "127.0.0.1:1",
		"tcp/services/extra/loadBalancer/serversTransport":  "whaley@file",
		"tcp/middlewares/list/ipAllowList/sourceRange/0":    "127.0.0.0/8",
	}
	text, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, "traefik", writeFixtures(t, "echo"), "TRAEFIK_EXTRA_KEYS="+string(text),
		"DASHBOARD_USERS=admin:$2y$05$abcdefghijklmnopqrstuv", "CTFD_URL=https://ctf.example.org")
	if got := s.do(alice, "GET", s.address(alice, "echo")+"/", nil); got.Status != http.StatusOK {
		t.Fatalf("waking: %d %s", got.Status, got.Body)
	}
	s.awaitRouter(s.live(alice, "echo").ID)
	resp, err := http.Get("http://" + s.api + "/api/http/middlewares?per_page=1000")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var middlewares []struct{ Name, Status string }
	if err := json.NewDecoder(resp.Body).Decode(&middlewares); err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, m := range middlewares {
		seen[m.Name] = m.Status
	}
	for _, name := range []string{"dashboard-auth", "ctfd-redirect", "limit", "all"} {
		if seen[name+"@redis"] != "enabled" {
			t.Errorf("%s is %q in Traefik, which has %v", name, seen[name+"@redis"], seen)
		}
	}
}

func TestPublishedBackendsServeWithoutTheContainersAddresses(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"kv", "plugin"} {
		t.Run(mode, func(t *testing.T) {
			s := start(t, "traefik", writeFixtures(t, "echo"), "BACKEND=published", "BACKEND_HOST=127.0.0.1", "ROUTE_MODE="+mode)
			if got := s.do(alice, "GET", s.address(alice, "echo")+"/", nil); got.Status != http.StatusOK {
				t.Fatalf("waking: %d %s", got.Status, got.Body)
			}
			in := s.live(alice, "echo")
			if mode == "kv" {
				s.awaitRouter(in.ID)
			} else {
				time.Sleep(time.Second)
				if found, err := s.hasRouter(in.ID); found || err != nil {
					t.Errorf("it has a router of its own: %v %v", found, err)
				}
			}
			if got := s.do(alice, "GET", s.address(alice, "echo")+"/", nil); got.Status != http.StatusOK {
				t.Errorf("%d %s", got.Status, got.Body)
			}
			out, err := exec.Command("docker", "port", containers(t, in.ID)[0]).Output()
			if err != nil || !strings.Contains(string(out), "8080/tcp -> 0.0.0.0:") {
				t.Errorf("published: %q %v", out, err)
			}
		})
	}
}
