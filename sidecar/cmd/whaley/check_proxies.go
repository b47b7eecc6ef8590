package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/whaley-ctf/whaley/shared/peer"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
)

// checkProxies asks the sidecar that runs with these settings, if there is one, whether all players seem to be one, and
// looks whether Traefik believes the same proxies as the sidecar.
func checkProxies(ctx context.Context, c *config.Config, r *report) {
	fine := true
	if _, text, err := ready(ctx, c); err == nil {
		var said struct {
			Dependencies []struct{ Name, Status string }
		}
		_ = json.Unmarshal(text, &said) // else it is no sidecar
		for _, d := range said.Dependencies {
			if d.Name == "proxies" && d.Status != "ok" {
				fine = false
				r.fault("proxies", "all requests of players come from one private address, as behind a proxy that is not trusted: they share one identity and one rate limit",
					"The sidecar's log names the address. If a proxy is there, put it into TRUSTED_PROXIES and let it say for whom it asks (docs/operate.md).")
			}
		}
	}
	path := filepath.Join(c.DataDir, "traefik", "traefik.yml")
	if text, err := os.ReadFile(path); c.Edge == "traefik" && err == nil {
		if problem := otherProxies(text, c.TrustedProxies); problem != "" {
			fine = false
			r.fault("proxies", path+": "+problem, "Call make up again: it makes this file of TRUSTED_PROXIES and starts Traefik anew.")
		}
	}
	if fine {
		r.ok("proxies")
	}
}

// otherProxies says which entry point of Traefik's static configuration trusts others than TRUSTED_PROXIES.
func otherProxies(static []byte, trusted []string) string {
	type list struct {
		TrustedIPs []string `yaml:"trustedIPs"`
	}
	var traefik struct {
		EntryPoints map[string]struct {
			ForwardedHeaders list `yaml:"forwardedHeaders"`
			ProxyProtocol    list `yaml:"proxyProtocol"`
		} `yaml:"entryPoints"`
	}
	if err := yaml.Unmarshal(static, &traefik); err != nil {
		return "is no YAML: " + err.Error()
	}
	want, err := peer.ParsePrefixes(trusted)
	if err != nil {
		return "" // refused before
	}
	for _, name := range slices.Sorted(maps.Keys(traefik.EntryPoints)) {
		for key, l := range map[string]list{"forwardedHeaders": traefik.EntryPoints[name].ForwardedHeaders, "proxyProtocol": traefik.EntryPoints[name].ProxyProtocol} {
			applies := name == "web" || name == "websecure" || name == "tcp" && key == "proxyProtocol"
			have, err := peer.ParsePrefixes(l.TrustedIPs)
			if applies && (err != nil || !slices.Equal(sorted(have), sorted(want))) {
				return fmt.Sprintf("the entry point %s trusts %v by %s, TRUSTED_PROXIES says %v", name, l.TrustedIPs, key, trusted)
			}
		}
	}
	return ""
}

func sorted(prefixes []netip.Prefix) []netip.Prefix {
	return slices.SortedFunc(slices.Values(prefixes), netip.Prefix.Compare)
}
