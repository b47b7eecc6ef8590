package config_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
)

func TestAMisspelledSettingIsToldWithTheOneThatWasMeant(t *testing.T) {
	for name, meant := range map[string]string{
		"MAX_INSTANCE_PER_USER": "MAX_INSTANCES_PER_USER", "CHALLENGE_DIR": "CHALLENGES_DIR",
		"CHALLANGES_DIR":     "CHALLENGES_DIR",
		"MAX_INSTANCES_USER": "MAX_INSTANCES_PER_USER", "INSTANCES_TIMEOUT": "INSTANCE_TIMEOUT", "SUBNETPOOL": "SUBNET_POOL",
		"admin_key": "ADMIN_KEY", "ADMIN-KEY": "ADMIN_KEY", "ADMIN_KEY_FIEL": "ADMIN_KEY_FILE", "ADMNI_KEY": "ADMIN_KEY",
		"WHALEY_BASE_DOMAIN": "BASE_DOMAIN", "CTFD_TOKEN": "CTFD_API_KEY", "CTFD_APIKEY": "CTFD_API_KEY",
		"CTFD_API_KEY_FLIE": "CTFD_API_KEY_FILE",
		"DISCORD_WEBHOOK":   "DISCORD_WEBHOOK_URL", "BASE_DOMAIN_FILE": "BASE_DOMAIN", "ADMIN_KEYS_FILE": "ADMIN_KEY_FILE",
		"TIMEOUT_INSTANCE": "INSTANCE_TIMEOUT", "LOGLEVEL": "LOG_LEVEL", "FIREWAL": "FIREWALL",
		"MEMORY_BUGDET": "MEMORY_BUDGET",
		"FORENSICS_DIR": "FORENSICS_LOG_DIR", "PORT_RANGE_BEGIN": "PORT_RANGE_START", "TRUSTED_PROXY": "TRUSTED_PROXIES",
		"DATABASE_URI": "DATABASE_URL",
	} {
		found := config.Misspelled(map[string]string{name: "a value that nobody may read"})
		if len(found) != 1 || found[0].Name != name || !slices.Contains(found[0].Meant, meant) {
			t.Errorf("%s: %v instead of %s", name, found, meant)
			continue
		}
		if text := found[0].String(); strings.Contains(text, "nobody may read") || !strings.Contains(text, name) {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestWhatOnlyWhaleyIsToldIsToldToBeNothing(t *testing.T) {
	found := config.Misspelled(map[string]string{"WHALEY_TURBO": "on"})
	if len(found) != 1 || found[0].Sure || !strings.Contains(found[0].String(), "WHALEY_TURBO is not a setting") {
		t.Errorf("%v", found)
	}
}

// Every way to slip once, for every setting that is long enough for it to be no other word.
func TestNoSlipOfOneLetterIsSilent(t *testing.T) {
	known := map[string]bool{}
	for _, s := range config.Table() {
		known[s.Name] = true
	}
	meant, slips := map[string][]string{}, map[string]string{}
	for _, s := range config.Table() {
		if len(s.Name) < 6 {
			continue
		}
		for n := range s.Name {
			wrong := []string{s.Name[:n] + s.Name[n+1:], s.Name[:n] + "X" + s.Name[n:], s.Name[:n] + "X" + s.Name[n+1:]}
			if n > 0 {
				wrong = append(wrong, s.Name[:n-1]+s.Name[n:n+1]+s.Name[n-1:n]+s.Name[n+1:])
			}
			for _, name := range wrong {
				if known[name] {
					continue
				}
				meant[name] = append(meant[name], s.Name)
				slips[name] = ""
			}
		}
	}
	found := map[string][]string{}
	for _, m := range config.Misspelled(slips) {
		found[m.Name] = m.Meant
	}
	for name, settings := range meant {
		for _, setting := range settings {
			if !slices.Contains(found[name], setting) {
				t.Errorf("%s for %s: %v", name, setting, found[name])
			}
		}
	}
	if len(slips) < 1000 {
		t.Errorf("only %d slips were tried", len(slips))
	}
}

func TestVariablesOfOthersAreTheirOwnAffair(t *testing.T) {
	env := map[string]string{}
	for _, name := range strings.Fields(`
		PATH HOME HOSTNAME PWD SHLVL TERM USER LOGNAME SHELL LANG LC_ALL TZ EDITOR VISUAL PAGER TMPDIR MAIL _ OLDPWD DISPLAY
		XDG_DATA_HOME XDG_DATA_DIRS XDG_RUNTIME_DIR XDG_CACHE_HOME INVOCATION_ID JOURNAL_STREAM SYSTEMD_EXEC_PID LISTEN_FDS LISTEN_PID
		LISTEN_FDNAMES NOTIFY_SOCKET WATCHDOG_USEC CREDENTIALS_DIRECTORY STATE_DIRECTORY LOGS_DIRECTORY
		HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy ALL_PROXY SSL_CERT_FILE SSL_CERT_DIR
		GOROOT GOPATH GOFLAGS GOMAXPROCS GOMEMLIMIT GODEBUG GOGC CGO_ENABLED NODE_ENV NODE_OPTIONS NODE_VERSION npm_config_cache
		DOCKER_HOST DOCKER_CERT_PATH DOCKER_TLS_VERIFY DOCKER_API_VERSION DOCKER_BUILDKIT BUILDKIT_HOST COMPOSE_FILE COMPOSE_PROJECT_NAME
		OTEL_TRACES_EXPORTER OTEL_EXPORTER_OTLP_ENDPOINT OTEL_SERVICE_NAME OTEL_SDK_DISABLED
		KUBERNETES_SERVICE_HOST KUBERNETES_PORT_443_TCP_ADDR CTFD_SERVICE_HOST CTFD_PORT CTFD_PORT_8000_TCP CTFD_SERVICE_PORT_HTTP
		REDIS_PORT REDIS_HOST REDIS_PASSWORD POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB PGHOST PGUSER PGPASSWORD PGDATABASE MYSQL_ROOT_PASSWORD
		SECRET_KEY SECRET_KEY_BASE DATABASE_HOST DATABASE_NAME AWS_SECRET_ACCESS_KEY CI GITHUB_ACTIONS GITHUB_TOKEN RUNNER_TEMP container
		DEBIAN_FRONTEND SSH_AUTH_SOCK SSH_CONNECTION SUDO_USER LS_COLORS LESSOPEN CONTAINER_ID INSTANCE_ID EDGE_CONFIG FLAGS LISTENERS
		TLS ACME_EMAIL ACME_DNS_PROVIDER ACME_CA_SERVER DASHBOARD_HOST WEB_PORT TLS_PORT SSH_PORT PUBLIC_PORT INTERNAL_PORT TLS_ROUTES_PORT
		TRAEFIK_API_PORT METRICS_PORT WHALEY_PROJECT WHALEY_IMAGE TRAEFIK_IMAGE REDIS_IMAGE POSTGRES_IMAGE GRAFANA_PORT PROMETHEUS_IMAGE
		TLS_CERT TLS_KEY CERT_RESOLVER TRAEFIK_YML_SUM WHALEY_VERSION WHALEY_CACHE MAKEFLAGS MAKELEVEL MFLAGS`) {
		env[name] = "x"
	}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	for _, s := range config.Table() {
		env[s.Name] = ""
		if s.Type == config.TypeSecret {
			env[s.Name+"_FILE"] = ""
		}
	}
	for _, m := range config.Misspelled(env) {
		t.Errorf("%s", m)
	}
}
