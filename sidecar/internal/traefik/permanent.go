package traefik

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Permanent is what an organiser wants to be in Traefik besides the instances' routes.
type Permanent struct {
	DashboardUsers string            // htpasswd lines, separated by commas: the middleware dashboard-auth
	CTFdURL        string            // the middleware ctfd-redirect leads there
	Extra          map[string]string // further keys, without the root
}

// ReadExtra reads further keys out of a JSON text and a YAML or JSON file; each may be empty.
func ReadExtra(text, path string) (map[string]string, error) {
	all := map[string]string{}
	add := func(name string, from map[string]any) error {
		for key, value := range from {
			switch value.(type) {
			case string, bool, int, int64, uint64, float64:
				all[key] = fmt.Sprint(value)
			default:
				return fmt.Errorf(
					"%s: %q must be a text, a number or true or false; nested keys are written with slashes", name, key,
				)
			}
		}
		return nil
	}
	if text != "" {
		var keys map[string]any
		if err := json.Unmarshal([]byte(text), &keys); err != nil {
			return nil, fmt.Errorf("TRAEFIK_EXTRA_KEYS is no JSON object: %w", err)
		}
		if err := add("TRAEFIK_EXTRA_KEYS", keys); err != nil {
			return nil, err
		}
	}
	if path != "" {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("TRAEFIK_EXTRA_KEYS_FILE: %w", err)
		}
		var keys map[string]any
		if err := yaml.Unmarshal(content, &keys); err != nil {
			return nil, fmt.Errorf("TRAEFIK_EXTRA_KEYS_FILE is no YAML mapping: %w", err)
		}
		if err := add("TRAEFIK_EXTRA_KEYS_FILE", keys); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// allowed are the keys that Traefik is known to take, and what their values must be. One field that it does not know,
// anywhere under its root, stops all updates of all routes, so nothing else is ever written.
var allowed = []struct{ key, value *regexp.Regexp }{
	{form(`http/routers/NAME/rule`), text}, {form(`http/routers/NAME/service`), text},
	{form(`http/routers/NAME/priority`), number},
	{form(`http/routers/NAME/entryPoints/N`), text}, {form(`http/routers/NAME/middlewares/N`), text},
	{form(`http/routers/NAME/tls`), yes}, {form(`http/routers/NAME/tls/certResolver`), text},
	{form(`http/routers/NAME/tls/domains/N/main`), text}, {form(`http/routers/NAME/tls/domains/N/sans/N`), text},
	{form(`http/services/NAME/loadBalancer/servers/N/url`), text},
	{form(`http/services/NAME/loadBalancer/passHostHeader`), boolean},
	{form(`http/services/NAME/loadBalancer/serversTransport`), text},
	{form(`http/middlewares/NAME/basicAuth/users/N`), text}, {form(`http/middlewares/NAME/basicAuth/realm`), text},
	{form(`http/middlewares/NAME/basicAuth/removeHeader`), boolean},
	{form(`http/middlewares/NAME/redirectRegex/(regex|replacement)`), text},
	{form(`http/middlewares/NAME/redirectRegex/permanent`), boolean},
	{form(`http/middlewares/NAME/redirectScheme/(scheme|port)`), text},
	{form(`http/middlewares/NAME/redirectScheme/permanent`), boolean},
	{form(`http/middlewares/NAME/(stripPrefix|stripPrefixRegex)/(prefixes|regex)/N`), text},
	{form(`http/middlewares/NAME/addPrefix/prefix`), text},
	{form(`http/middlewares/NAME/headers/(customRequestHeaders|customResponseHeaders)/[A-Za-z0-9-]+`), anything},
	{form(`http/middlewares/NAME/ipAllowList/sourceRange/N`), text},
	{form(`http/middlewares/NAME/rateLimit/(average|burst)`), number},
	{form(`http/middlewares/NAME/chain/middlewares/N`), text},
	{form(`tcp/routers/NAME/rule`), text}, {form(`tcp/routers/NAME/service`), text},
	{form(`tcp/routers/NAME/priority`), number},
	{form(`tcp/routers/NAME/entryPoints/N`), text}, {form(`tcp/routers/NAME/middlewares/N`), text},
	{form(`tcp/routers/NAME/tls`), yes}, {form(`tcp/routers/NAME/tls/passthrough`), boolean},
	{form(`tcp/services/NAME/loadBalancer/servers/N/address`), text},
	{form(`tcp/services/NAME/loadBalancer/serversTransport`), text},
	{form(`tcp/middlewares/NAME/ipAllowList/sourceRange/N`), text},
}

var (
	text     = regexp.MustCompile(`^.+$`)
	anything = regexp.MustCompile(`^.*$`)
	number   = regexp.MustCompile(`^[0-9]{1,9}$`)
	boolean  = regexp.MustCompile(`^(true|false)$`)
	yes      = regexp.MustCompile(`^true$`)
)

func form(pattern string) *regexp.Regexp {
	pattern = strings.ReplaceAll(pattern, "NAME", "[A-Za-z0-9_-]+")
	return regexp.MustCompile("^" + regexp.MustCompile(`/N(/|$)`).ReplaceAllString(pattern, `/[0-9]{1,3}$1`) + "$")
}

// keys checks everything and returns it with the root before it.
func (p Permanent) keys(root string) (map[string]string, error) {
	all := map[string]string{}
	for n, user := range splitUsers(p.DashboardUsers) {
		if name, hash, ok := strings.Cut(user, ":"); !ok || name == "" || len(hash) < 20 {
			return nil, errors.New("DASHBOARD_USERS must be lines of htpasswd, as admin:$2y$…, separated by commas")
		}
		all["http/middlewares/dashboard-auth/basicAuth/users/"+strconv.Itoa(n)] = user
	}
	if p.CTFdURL != "" {
		all["http/middlewares/ctfd-redirect/redirectRegex/regex"] = "^.*$"
		all["http/middlewares/ctfd-redirect/redirectRegex/replacement"] = strings.ReplaceAll(p.CTFdURL, "$", "$$")
	}
	for key, value := range p.Extra {
		all[key] = value
	}
	var wrong []error
	keys := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if err := check(key, all[key]); err != nil {
			wrong = append(wrong, err)
		}
		keys[root+"/"+key] = all[key]
	}
	return keys, errors.Join(wrong...)
}

func check(key, value string) error {
	for _, a := range allowed {
		if a.key.MatchString(key) {
			if !a.value.MatchString(value) || strings.ContainsAny(value, "\r\n") {
				return fmt.Errorf("TRAEFIK_EXTRA_KEYS: the value of %s is not one that Traefik takes", key)
			}
			return nil
		}
	}
	return fmt.Errorf(
		"TRAEFIK_EXTRA_KEYS: %q is no key that Whaley knows Traefik to take; an unknown one would stop all its updates", key,
	)
}

func splitUsers(text string) []string {
	var all []string
	for user := range strings.SplitSeq(text, ",") {
		if user = strings.TrimSpace(user); user != "" {
			all = append(all, user)
		}
	}
	return all
}
