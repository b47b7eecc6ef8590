package api

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/shared/host"
)

// Direct is Public for a listener that anything can be sent to, whatever it is called there. The page of a site whose
// name is made to lead here (DNS rebinding) is taken by a browser for one of ours, so only names that are known are
// answered:
// the dashboard's, this machine's, and those given. An address is no name, and nobody else's. Health and metrics are
// asked for under any name: they change nothing, and tell nothing that is secret without their own key.
func (a *API) Direct(names []string) http.Handler {
	public := a.Public()
	known := []string{a.Opts.Dashboard.Hostname(), "localhost"}
	for _, name := range names {
		known = append(known, host.Clean(name))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(known, host.Clean(r.Host)) || isAddress(r.Host) || anyName(r.URL.Path) {
			public.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "Whaley is not asked under this name here. The dashboard is at "+a.Opts.Dashboard.String()+
			", and LISTEN_HOSTS names what else LISTEN answers to.", http.StatusMisdirectedRequest)
	})
}

func anyName(path string) bool {
	return slices.Contains([]string{"/metrics", "/health", "/health/live", "/health/ready", "/health/active"}, path)
}

// isAddress says whether a Host header is an IP address, with or without a port.
func isAddress(text string) bool {
	if _, err := netip.ParseAddrPort(text); err == nil {
		return true
	}
	_, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	return err == nil
}
