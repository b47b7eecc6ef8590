package kit

import (
	"strconv"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// RouteJSON is one way into an instance.
type RouteJSON struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Host string `json:"host"`
	URL  string `json:"url"`
	Hint string `json:"hint"`
	Port int    `json:"port"`
	// Wakes: opening it, or connecting to it, starts the instance.
	Wakes bool `json:"wakes"`
}

// defaultHints say how to connect where the challenge does not.
var defaultHints = map[whaley.RouteType]string{
	whaley.RouteHTTP:   "{url}",
	whaley.RouteTCP:    "ncat --ssl --ssl-servername {host} {address} {port}",
	whaley.RoutePort:   "nc {host} {port}",
	whaley.RouteCustom: "ssh -p {port} {host}",
}

// Routes are the ways into an owner's copy of a challenge, which may not run.
func (a *Surface) Routes(challenge string, routes []whaley.Route, owner string, in *whaley.Instance) []RouteJSON {
	all := make([]RouteJSON, 0, len(routes))
	for _, r := range routes {
		j := RouteJSON{Name: r.Name, Type: string(r.Type), Host: a.Instancer.Host(challenge, r, owner)}
		switch r.Type {
		case whaley.RouteHTTP:
			j.URL = a.Url(j.Host)
			j.Port, _ = strconv.Atoi(a.Opts.Dashboard.Port())
		case whaley.RouteTCP:
			j.Port = a.Opts.TLSPort
		case whaley.RoutePort:
			if in != nil {
				j.Port = in.Ports[r.Port]
			}
		}
		j.Hint, j.Wakes = a.hint(r, j), a.wakes(challenge, r)
		all = append(all, j)
	}
	return all
}

// wakes says whether who opens a route's address, or connects to it, starts what sleeps there.
func (a *Surface) wakes(challenge string, r whaley.Route) bool {
	ch, ok := a.Challenges.Get(challenge)
	if !ok || !ch.Wake {
		return false
	}
	switch r.Type {
	case whaley.RouteHTTP:
		return true // a page asks who comes
	case whaley.RouteTCP:
		return a.Opts.TLSWakes && ch.Access == whaley.AccessLink
	case whaley.RoutePort:
		return a.Opts.PortsWake && ch.Access == whaley.AccessLink
	default:
		return false
	}
}

// Url is an instance's web address: scheme and port are the dashboard's.
func (a *Surface) Url(host string) string {
	if port := a.Opts.Dashboard.Port(); port != "" {
		host += ":" + port
	}
	return a.Opts.Dashboard.Scheme + "://" + host
}

// PortOfURL is the port that an instance's web address leads to, written or not.
func (a *Surface) PortOfURL() string {
	switch port := a.Opts.Dashboard.Port(); {
	case port != "":
		return port
	case a.secure():
		return "443"
	}
	return "80"
}

// Ways are how a running instance is reached, as lines to copy.
func (a *Surface) Ways(in *whaley.Instance) []string {
	var all []string
	for _, r := range a.Routes(in.Challenge, in.Routes, in.Owner.ID, in) {
		if r.Hint != "" {
			all = append(all, r.Hint)
		}
	}
	return all
}

// hint is the line to copy; empty while its port is not known.
func (a *Surface) hint(r whaley.Route, j RouteJSON) string {
	template := r.Connection
	if template == "" {
		template = defaultHints[r.Type]
	}
	if r.UDP && r.Connection == "" {
		template = "nc -u {host} {port}"
	}
	if j.Port == 0 && strings.Contains(template, "{port}") {
		return ""
	}
	name := j.Host
	if r.Type == whaley.RoutePort {
		name = a.Reachable(a.Opts.Dashboard.Hostname())
	}
	return strings.NewReplacer(
		"{host}", name, "{address}", a.Reachable(j.Host), "{port}", strconv.Itoa(j.Port), "{url}", j.URL,
	).Replace(template)
}

// Reachable is a name as command-line tools can look it up: unlike browsers they know nothing of names under localhost.
func (a *Surface) Reachable(name string) string {
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return "127.0.0.1"
	}
	return name
}
