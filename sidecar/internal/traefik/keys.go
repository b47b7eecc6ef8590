package traefik

import (
	"cmp"
	"fmt"
	"maps"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// priority is above the catch-all's, which leads to the plugin.
const priority = "1000"

// sentinelRule is one of the keys that are always there.
const sentinelRule = "/http/routers/whaley-sentinel/rule"

// noService is what web routers lead to: the plugin before it answers everything.
const noService = "noop@internal"

// namesTransport says whose connection it is that is brought: see traefik/dynamic/whaley.yml.
const namesTransport = "whaley-names@file"

// Names of the entry points in traefik/traefik.yml.
const (
	entryWeb       = "web"
	entryWebSecure = "websecure"
	entryTCP       = "tcp"
)

// permanent keys are always there: the set of keys never becomes empty, and names that lead nowhere on the TCP entry
// point end there, or are brought to the sidecar.
func (r *Router) permanent() map[string]string {
	http, tcp := r.opts.Root+"/http/", r.opts.Root+"/tcp/"
	keys := map[string]string{
		r.opts.Root + sentinelRule:                                "Host(`sentinel.invalid`)",
		http + "routers/whaley-sentinel/entryPoints/0":            entryWeb,
		http + "routers/whaley-sentinel/service":                  noService,
		tcp + "routers/block-all/rule":                            "HostSNI(`*`)",
		tcp + "routers/block-all/entryPoints/0":                   entryTCP,
		tcp + "routers/block-all/priority":                        "1",
		tcp + "routers/block-all/tls/passthrough":                 "true",
		tcp + "routers/block-all/service":                         "block-all",
		tcp + "services/block-all/loadBalancer/servers/0/address": "127.0.0.1:1",
	}
	if r.opts.Names != "" {
		keys[tcp+"services/block-all/loadBalancer/servers/0/address"] = r.opts.Names
		keys[tcp+"services/block-all/loadBalancer/serversTransport"] = namesTransport
	}
	maps.Copy(keys, r.extra)
	return keys
}

// keys are what one route is in Redis; none for what needs no router.
func (r *Router) keys(p whaley.Publication) map[string]string {
	switch p.Type {
	case whaley.RouteHTTP:
		if !r.opts.HTTP {
			return nil
		}
		return r.httpKeys(p)
	case whaley.RouteTCP, whaley.RouteCustom:
		return r.tcpKeys(p)
	}
	return nil // a host port needs none
}

func (r *Router) httpKeys(p whaley.Publication) map[string]string {
	router := r.opts.Root + "/http/routers/" + p.Name
	keys := map[string]string{
		router + "/rule":          fmt.Sprintf("Host(`%s`)", p.Host),
		router + "/priority":      priority,
		router + "/service":       noService,
		router + "/entryPoints/0": entryWeb,
	}
	if r.opts.Secure {
		keys[router+"/entryPoints/0"] = entryWebSecure
		keys[router+"/tls"] = "true"
	}
	if p.Access != whaley.AccessLink {
		keys[router+"/middlewares/0"] = r.opts.Middleware
		return keys
	}
	// The plugin's short way: it filters what comes back, and has nobody asked anything.
	keys[router+"/middlewares/0"] = p.Name
	keys[r.pluginBackend(p)] = string(cmp.Or(p.Scheme, whaley.SchemeHTTP)) + "://" + p.Backend
	// Without the setting Traefik itself has dropped what clients claim, and the plugin need not look.
	if how := p.Forwarded; how != "" || r.opts.AsSent {
		keys[r.pluginForwarded(p)] = cmp.Or(how, wire.ForwardedReplace)
	}
	return keys
}

func (r *Router) tcpKeys(p whaley.Publication) map[string]string {
	router, service := r.opts.Root+"/tcp/routers/"+p.Name, r.opts.Root+"/tcp/services/"+p.Name
	keys := map[string]string{
		router + "/rule":                            fmt.Sprintf("HostSNI(`%s`)", p.Host),
		router + "/priority":                        priority,
		router + "/service":                         p.Name,
		router + "/entryPoints/0":                   entryTCP,
		service + "/loadBalancer/servers/0/address": p.Backend,
		service + "/loadBalancer/serversTransport":  r.opts.Transport,
	}
	switch {
	case p.Type == whaley.RouteCustom:
		keys[router+"/entryPoints/0"] = p.EntryPoint
		if !p.TLS {
			keys[router+"/rule"] = "HostSNI(`*`)" // without TLS nobody says a name
			return keys
		}
		keys[router+"/tls"] = "true"
	case p.Passthrough:
		keys[router+"/tls/passthrough"] = "true"
	default:
		keys[router+"/tls"] = "true"
	}
	return keys
}

// everyKey is all that a route may ever have had: its challenge can have been edited since it was published.
func (r *Router) everyKey(p whaley.Publication) []string {
	var all []string
	for _, kind := range []string{"http", "tcp"} {
		router, service := r.opts.Root+"/"+kind+"/routers/"+p.Name, r.opts.Root+"/"+kind+"/services/"+p.Name
		for _, suffix := range []string{
			"/rule", "/priority", "/service", "/entryPoints/0", "/tls", "/tls/passthrough", "/middlewares/0",
		} {
			all = append(all, router+suffix)
		}
		for _, suffix := range []string{
			"/loadBalancer/servers/0/url", "/loadBalancer/servers/0/address", "/loadBalancer/serversTransport",
		} {
			all = append(all, service+suffix)
		}
	}
	return append(all, r.pluginBackend(p), r.pluginForwarded(p))
}

// pluginBackend tells the plugin of one route where that leads.
func (r *Router) pluginBackend(p whaley.Publication) string {
	return r.opts.Root + "/http/middlewares/" + p.Name + "/plugin/whaley/backend"
}

// pluginForwarded tells it what becomes of forwarding headers that a client sends.
func (r *Router) pluginForwarded(p whaley.Publication) string {
	return r.opts.Root + "/http/middlewares/" + p.Name + "/plugin/whaley/forwarded"
}
