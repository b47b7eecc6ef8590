package whaley

import (
	"slices"
	"strings"
)

// Token is the text that stands for a variable of an instance (INSTANCE_ID, FLAG, PORT_<n>, HOST_<route>) until spawn.
func Token(variable string) string { return TokenPrefix + variable + "}" }

// TokenPrefix begins every such text.
const TokenPrefix = "@{whaley:"

// HostVariables are the names of the variables that hold the host of the nth of a challenge's routes.
func HostVariables(routes []Route, n int) []string { return ofRoute("HOST_", routes, n) }

// URLVariables are the names of the variables that hold the web address of the nth of a challenge's routes.
func URLVariables(routes []Route, n int) []string { return ofRoute("URL_", routes, n) }

// ofRoute names variables after a route; the first, which has no name, has its service's too, unless another route is
// called so.
func ofRoute(prefix string, routes []Route, n int) []string {
	plain := strings.NewReplacer("-", "_", ".", "_").Replace
	names := []string{prefix + plain(routes[n].Name)}
	service := plain(routes[n].Service)
	if n == 0 && !slices.ContainsFunc(routes, func(r Route) bool { return plain(r.Name) == service }) {
		names = append(names, prefix+service)
	}
	return names
}
