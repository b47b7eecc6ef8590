package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"

	"github.com/whaley-ctf/whaley/shared/peer"
	"github.com/whaley-ctf/whaley/sidecar/internal/face"
	"github.com/whaley-ctf/whaley/sidecar/internal/registry"
	"github.com/whaley-ctf/whaley/sidecar/internal/sentinel"
)

const (
	minSecret = 32 // bytes
	minKey    = 16 // bytes
)

var prefixForm = regexp.MustCompile(`^[A-Za-z0-9_]{1,32}$`)

var domainForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

var pathForm = regexp.MustCompile(`^/[a-z0-9-]+$`)

// takenPaths are answered by the API or are pages of the players.
var takenPaths = []string{
	"/adapter", "/assets", "/auth", "/challenges", "/config", "/event", "/events", "/go", "/health", "/instances",
	"/login", "/me", "/metrics", "/v1",
}

// Load reads the settings. The error holds everything that is wrong, one line each.
func Load(environment map[string]string) (*Config, error) {
	known, err := withFiles(environment)
	if err != nil {
		return nil, err
	}
	c := &Config{}
	var wrong []error
	if err := env.ParseWithOptions(c, env.Options{Environment: known}); err != nil {
		var all env.AggregateError
		if !errors.As(err, &all) {
			return nil, err
		}
		for _, e := range all.Errors {
			wrong = append(wrong, named(e))
		}
	}
	wrong = append(wrong, c.checkTags()...)
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	refuse(
		!prefixForm.MatchString(c.FlagPrefix), "FLAG_PREFIX %q must be 1 to 32 letters, digits and underscores", c.FlagPrefix,
	)
	if c.FlagFormat != "" {
		_, _, err := sentinel.ParseFormat(c.FlagFormat)
		refuse(err != nil, "FLAG_FORMAT %q %v", c.FlagFormat, err)
	}
	refuse(
		c.Backend == "published" && c.BackendHost == "",
		"BACKEND_HOST is needed with BACKEND=published: the name or address under which the edge reaches this host",
	)
	if c.Backend == "direct" {
		c.BackendHost = ""
	}
	for name, address := range map[string]string{
		"LISTEN": c.Listen, "INTERNAL_LISTEN": c.InternalListen, "EDGE_LISTEN": c.EdgeListen,
		"EDGE_TLS_LISTEN": c.EdgeTLSListen,
	} {
		_, _, err := net.SplitHostPort(address)
		refuse(err != nil, "%s=%q must be an address like :8000 or 127.0.0.1:8000", name, address)
	}
	refuse(
		c.SleepAfter > 0 && c.SleepAfter < 60,
		"SLEEP_AFTER=%d must be 0 or at least 60 seconds: a player is quiet for that long between two clicks", c.SleepAfter,
	)
	if c.WakeListen != "" {
		_, port, err := net.SplitHostPort(c.WakeListen)
		refuse(err != nil || port == "0", "WAKE_LISTEN=%q must be an address like 127.0.0.1:8002", c.WakeListen)
	}
	refuse(
		c.PortRangeStart > c.PortRangeEnd, "PORT_RANGE_START=%d must not be above PORT_RANGE_END=%d", c.PortRangeStart,
		c.PortRangeEnd,
	)
	var pool netip.Prefix
	if c.SubnetPool != "" {
		pool, err = netip.ParsePrefix(c.SubnetPool)
		c.Pool = pool.Masked()
	}
	refuse(
		c.SubnetPool != "" && (err != nil || !pool.Addr().Is4() || pool.Bits() < 8 || pool.Bits() > 28),
		"SUBNET_POOL=%q must be an IPv4 network from /8 to /28, as 10.240.0.0/12", c.SubnetPool,
	)
	refuse(c.Secret != "" && len(c.Secret) < minSecret, "SECRET must have at least %d bytes", minSecret)
	refuse(c.PluginKey != "" && len(c.PluginKey) < minKey, "PLUGIN_KEY must have at least %d bytes", minKey)
	refuse(c.AdminKey != "" && len(c.AdminKey) < minKey, "ADMIN_KEY must have at least %d bytes", minKey)
	refuse(c.AdapterKey != "" && len(c.AdapterKey) < minKey, "ADAPTER_KEY must have at least %d bytes", minKey)
	refuse(c.AdapterKey != "" && c.AuthMode != "ctfd", "ADAPTER_KEY needs AUTH_MODE=ctfd: it is for a plugin in CTFd")
	refuse(
		c.AdapterKey != "" && (c.AdapterKey == c.AdminKey || c.AdapterKey == c.PluginKey),
		"ADAPTER_KEY must be another key than ADMIN_KEY and PLUGIN_KEY",
	)
	for name, key := range map[string]Secret{
		"ADMIN_KEY": c.AdminKey, "SECRET": c.Secret, "ADAPTER_KEY": c.AdapterKey, "RCTF_AUTH_TOKEN": c.RCTFToken,
	} {
		refuse(key != "" && guessable(string(key)), "%s can be guessed: take one that openssl rand -hex 32 prints", name)
	}
	if _, err := registry.Parse(string(c.RegistryLogins)); err != nil {
		wrong = append(wrong, fmt.Errorf("REGISTRY_LOGINS %w", err))
	}
	refuse(
		!pathForm.MatchString(c.AdminPath),
		"ADMIN_PATH=%q must be one segment of lower-case letters, digits and hyphens, as /admin", c.AdminPath,
	)
	refuse(
		slices.Contains(takenPaths, c.AdminPath),
		"ADMIN_PATH=%q is a path of the players' API or pages: choose another, as /admin", c.AdminPath,
	)
	refuse(c.RCTFToken != "" && len(c.RCTFToken) < minKey, "RCTF_AUTH_TOKEN must have at least %d bytes", minKey)
	if c.AuthMode == "rctf" {
		refuse(
			c.RCTFToken == "",
			"RCTF_AUTH_TOKEN is needed with AUTH_MODE=rctf: the same as authToken of the Docker instancer in rCTF",
		)
	} else {
		refuse(c.RCTFToken != "", "RCTF_AUTH_TOKEN needs AUTH_MODE=rctf")
	}
	refuse(
		c.Platform == "kubernetes" && c.KubernetesRegistry == "",
		"KUBERNETES_REGISTRY is needed with PLATFORM=kubernetes: the repository that nodes pull images from, as registry.example/whaley",
	)
	refuse(
		c.Platform == "kubernetes" && c.Backend == "published",
		"BACKEND=published is for instances on an engine: Pods are reached by their own addresses",
	)
	if c.AuthMode == "oidc" {
		refuse(c.OIDCIssuer == "", "OIDC_ISSUER is needed with AUTH_MODE=oidc, as https://id.example.org")
		refuse(c.OIDCClient == "", "OIDC_CLIENT_ID is needed with AUTH_MODE=oidc: make a client for Whaley at the provider")
		refuse(!slices.Contains(c.OIDCScopes, "openid"), "OIDC_SCOPES must have openid among it, as openid,profile")
		refuse(c.OIDCName == "", "OIDC_NAME_CLAIM must not be empty: take preferred_username or sub")
	}
	if c.AuthMode == "ctfd" {
		refuse(c.CTFdURL == "", "CTFD_URL is needed with AUTH_MODE=ctfd, as https://ctf.example.org")
		refuse(
			c.CTFdKey == "",
			"CTFD_API_KEY is needed with AUTH_MODE=ctfd: an access token of a CTFd admin, made in CTFd under Settings, Access Tokens",
		)
	}
	if c.Edge == "traefik" {
		refuse(c.PluginKey == "", "PLUGIN_KEY is needed with EDGE=traefik: the same as the plugin's pluginKey")
		if c.TraefikRedisURL == "" {
			c.TraefikRedisURL = c.RedisURL
		}
		refuse(c.TraefikRedisURL == "", "TRAEFIK_REDIS_URL is needed with EDGE=traefik, as redis://127.0.0.1:6379/0")
	}
	trusted := slices.Clone(c.TrustedProxies)
	if c.Edge == "traefik" {
		trusted = append(trusted, "127.0.0.1/32", "::1/128") // Traefik itself, whoever else is in front of it
	}
	if c.Trusted, err = peer.ParsePrefixes(trusted); err != nil {
		wrong = append(wrong, fmt.Errorf("TRUSTED_PROXIES: %w", err))
	}
	for _, prefix := range c.Trusted {
		refuse(
			prefix.Bits() == 0,
			"TRUSTED_PROXIES=%s believes everybody, so anybody could be any player: name the addresses of the proxies", prefix,
		)
	}
	for name, address := range map[string]Secret{"DISCORD_WEBHOOK_URL": c.DiscordWebhookURL, "WEBHOOK_URL": c.WebhookURL} {
		u, err := url.Parse(string(address))
		refuse(
			address != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == ""),
			"%s must be an http or https URL", name,
		)
	}
	refuse(
		c.WebhookURL != "" && len(c.WebhookSecret) < minKey, "WEBHOOK_SECRET must have at least %d bytes with WEBHOOK_URL",
		minKey,
	)
	switch c.EventsFile {
	case "":
		c.EventsFile = filepath.Join(c.DataDir, "events.jsonl")
	case "off":
		c.EventsFile = ""
	}
	if c.ForensicsDir == "" {
		c.ForensicsDir = filepath.Join(c.DataDir, "forensics")
	}
	wrong = append(wrong, c.hosts()...)
	wrong = append(wrong, c.face()...)
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return c, nil
}

// hosts checks that instances and dashboard cannot set cookies for each other.
func (c *Config) hosts() []error {
	var wrong []error
	c.BaseDomain = strings.ToLower(strings.Trim(c.BaseDomain, "."))
	if !domainForm.MatchString(c.BaseDomain) {
		wrong = append(
			wrong,
			fmt.Errorf("BASE_DOMAIN=%q must be a domain with at least two labels, as instances.example.org", c.BaseDomain),
		)
	}
	if c.DashboardURL == "" {
		c.DashboardURL = "http://whaley.localhost"
		if _, port, err := net.SplitHostPort(c.EdgeListen); err == nil && port != "80" {
			c.DashboardURL += ":" + port
		}
	}
	c.DashboardURL = strings.TrimRight(c.DashboardURL, "/")
	u, err := url.Parse(c.DashboardURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.User != nil ||
		u.RawQuery != "" {
		return append(
			wrong, fmt.Errorf("DASHBOARD_URL=%q must be like https://whaley.example.org, without a path", c.DashboardURL),
		)
	}
	c.Dashboard = u
	wrong = append(wrong, c.apart("DASHBOARD_URL", u.Hostname())...)
	if ctfd, err := url.Parse(c.CTFdURL); err == nil && c.CTFdURL != "" {
		wrong = append(wrong, c.apart("CTFD_URL", ctfd.Hostname())...)
	}
	if c.CTFdPublicURL == "" {
		c.CTFdPublicURL = c.CTFdURL
	} else if ctfd, err := url.Parse(c.CTFdPublicURL); err == nil {
		wrong = append(wrong, c.apart("CTFD_PUBLIC_URL", ctfd.Hostname())...)
	}
	return wrong
}

// face checks how the event looks.
func (c *Config) face() []error {
	var wrong []error
	c.Face = face.Face{
		Name: cmp.Or(strings.TrimSpace(c.EventName), face.DefaultName), Home: cmp.Or(c.EventHome, c.CTFdPublicURL),
		Footer: strings.TrimSpace(c.EventFooter),
	}
	var err error
	if c.Face.Logo, err = face.ParseLogo(c.EventLogo); err != nil {
		wrong = append(wrong, fmt.Errorf("EVENT_LOGO %w", err))
	}
	if c.Face.Brand, err = face.ParseBrand(c.EventColour); err != nil {
		wrong = append(wrong, fmt.Errorf("EVENT_COLOUR %w", err))
	}
	return wrong
}

// apart checks that no instance can set a cookie that a host of ours gets.
func (c *Config) apart(setting, name string) []error {
	name = strings.ToLower(name)
	if name == c.BaseDomain || strings.HasSuffix(name, "."+c.BaseDomain) {
		return []error{fmt.Errorf(
			"%s: %s is on or under BASE_DOMAIN=%s, so instances could set its cookies. Give them different domains", setting,
			name, c.BaseDomain,
		)}
	}
	if strings.HasSuffix(c.BaseDomain, "."+name) {
		return []error{fmt.Errorf(
			"BASE_DOMAIN=%s is under the host of %s, %s, so instances could set its cookies. Give them different domains",
			c.BaseDomain, setting, name,
		)}
	}
	return nil
}

// withFiles adds what NAME_FILE variables point to, for secrets.
func withFiles(environment map[string]string) (map[string]string, error) {
	known := map[string]string{}
	for name, value := range environment {
		known[name] = value
	}
	var wrong []error
	for _, s := range Table() {
		path, set := environment[s.Name+"_FILE"]
		if s.Type != TypeSecret || !set {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s_FILE: %w", s.Name, err))
			continue
		}
		known[s.Name] = strings.TrimSpace(string(text))
	}
	return known, errors.Join(wrong...)
}

// named makes one of the parser's errors speak of the variable instead of the field.
func named(err error) error {
	var parse env.ParseError
	if !errors.As(err, &parse) {
		return err
	}
	for _, s := range Table() {
		if s.field == parse.Name {
			return fmt.Errorf("%s cannot be read: %w", s.Name, parse.Err)
		}
	}
	return err
}
