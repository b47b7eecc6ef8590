package check

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/whaley-ctf/whaley/shared/peer"
	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"go.yaml.in/yaml/v4"
)

// checkProxies asks the sidecar that runs with these settings, if there is one, whether all players seem to be one, and
// looks whether Traefik believes the same proxies as the sidecar.
func checkProxies(ctx context.Context, c *config.Config, r *report) {
	fine := true
	if _, text, err := app.AskReady(ctx, c); err == nil {
		var said struct {
			Dependencies []struct{ Name, Status string }
		}
		_ = json.Unmarshal(text, &said) // else it is no sidecar
		for _, d := range said.Dependencies {
			if d.Name == "proxies" && d.Status != "ok" {
				fine = false
				r.fault(
					"proxies",
					"all requests of players come from one private address, as behind a proxy that is not trusted: they share one identity and one rate limit",
					"The sidecar's log names the address. If a proxy is there, put it into TRUSTED_PROXIES and let it say for whom it asks (docs/operate.md).",
				)
			}
		}
	}
	path := filepath.Join(c.DataDir, "traefik", "traefik.yml")
	if text, err := os.ReadFile(path); c.Edge == "traefik" && err == nil {
		if problem := otherProxies(text, c.TrustedProxies, c.ForwardedAsSent); problem != "" {
			fine = false
			r.fault(
				"proxies", path+": "+problem,
				"Call make up again: it makes this file of TRUSTED_PROXIES and FORWARDED_AS_SENT and starts Traefik anew.",
			)
		}
	}
	if fine {
		r.ok("proxies")
	}
}

// otherProxies says which entry point of Traefik's static configuration trusts others than TRUSTED_PROXIES, or passes on what
// everybody sends though it should not, or does not though it should.
func otherProxies(static []byte, trusted []string, asSent bool) string {
	type list struct {
		TrustedIPs []string `yaml:"trustedIPs"`
		Insecure   bool     `yaml:"insecure"`
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
		web := name == "web" || name == "websecure"
		if has := traefik.EntryPoints[name].ForwardedHeaders.Insecure; web && has != asSent {
			return fmt.Sprintf(
				"the entry point %s has forwardedHeaders.insecure: %v, FORWARDED_AS_SENT says %v", name, has, asSent,
			)
		}
		for key, l := range map[string]list{
			"forwardedHeaders": traefik.EntryPoints[name].ForwardedHeaders,
			"proxyProtocol":    traefik.EntryPoints[name].ProxyProtocol,
		} {
			applies := web && (key == "proxyProtocol" || !asSent) || name == "tcp" && key == "proxyProtocol"
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
