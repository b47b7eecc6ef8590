package whaley

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// Config is the middleware's part of Traefik's dynamic configuration.
type Config struct {
	InternalURL   string `json:"internalURL,omitempty"`    // of the sidecar's internal API; of an active one and its standbys with commas between
	PluginKey     string `json:"pluginKey,omitempty"`      // the sidecar's PLUGIN_KEY
	PluginKeyFile string `json:"pluginKeyFile,omitempty"`  // a file that holds it instead
	BaseDomain    string `json:"baseDomain,omitempty"`     // instances are one label under it
	DashboardURL  string `json:"dashboardURL,omitempty"`   // where players sign in; https makes all cookies Secure
	Backend       string `json:"backend,omitempty"`        // http://address:port of a container that runs and is open to all
	Forwarded     string `json:"forwarded,omitempty"`      // with Backend: what becomes of forwarding headers that a client sends; it needs nothing else
	OwnPages      string `json:"ownPages,omitempty"`       // "true": what is behind it is Whaley's own, see own
	Proxies       string `json:"trustedProxies,omitempty"` // with OwnPages: the sidecar's TRUSTED_PROXIES
}

// CreateConfig is what Traefik fills in.
func CreateConfig() *Config { return &Config{} }

// Handler is the middleware.
type Handler struct {
	next      http.Handler
	sidecar   *sidecar
	base      string // base domain
	dashboard string // without a slash at the end
	secure    bool   // cookies are Secure and named __Host-…
	settings  string // what else tells its decisions from those of a middleware with the same sidecar
}

// New checks the configuration. It does not speak to the sidecar, which may start later. ctx ends at the next reload of
// Traefik's configuration and is used for nothing.
func New(_ context.Context, next http.Handler, c *Config, name string) (http.Handler, error) {
	if c.Backend != "" {
		if err := checkForwarded(c.Forwarded); err != nil {
			return nil, fmt.Errorf("%s: forwarded: %w", name, err)
		}
		d, err := directTo(name, c.Backend, c.Forwarded)
		if err != nil {
			return nil, fmt.Errorf("%s: backend: %w", name, err)
		}
		return d, nil
	}
	if c.OwnPages == "true" {
		o, err := ownTo(next, c.Proxies)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return o, nil
	}
	key := c.PluginKey
	if c.PluginKeyFile != "" {
		text, err := os.ReadFile(c.PluginKeyFile)
		if err != nil {
			return nil, fmt.Errorf("%s: pluginKeyFile: %w", name, err)
		}
		key = strings.TrimSpace(string(text))
	}
	internal := []string{}
	for _, text := range strings.Split(c.InternalURL, ",") {
		u, err := cleanURL(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("%s: internalURL: %w", name, err)
		}
		internal = append(internal, u)
	}
	dashboard, err := cleanURL(c.DashboardURL)
	if err != nil {
		return nil, fmt.Errorf("%s: dashboardURL: %w", name, err)
	}
	if key == "" {
		return nil, errors.New(name + ": pluginKey or pluginKeyFile is needed: the sidecar's PLUGIN_KEY")
	}
	base := strings.ToLower(strings.Trim(c.BaseDomain, "."))
	if base == "" {
		return nil, errors.New(name + ": baseDomain is needed: the sidecar's BASE_DOMAIN")
	}
	h := &Handler{
		next:      next,
		sidecar:   sidecarAt(internal, key),
		base:      base,
		dashboard: dashboard,
		secure:    strings.HasPrefix(dashboard, "https://"),
		settings:  dashboard + "\x00" + base + "\x00",
	}
	directsMu.Lock()
	fronts[base] = h
	directsMu.Unlock()
	return h, nil
}

func cleanURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("%q is no http or https URL", text)
	}
	return strings.TrimRight(u.Scheme+"://"+u.Host+u.Path, "/"), nil
}
