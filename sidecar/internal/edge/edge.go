package edge

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/sidecar/internal/listen"
	whaley "github.com/whaley-ctf/whaley/traefik-plugin"
)

// maxStreams is how many requests one connection by HTTP/2 has under way, as with Traefik.
const maxStreams = 250

// Options are the settings of an Edge.
type Options struct {
	BaseDomain   string
	DashboardURL string
	InternalURL  string // of the sidecar's internal API
	PluginKey    string
	Dashboard    http.Handler // the public API and the pages
	Web, TLS     net.Listener
	Turns        int // of one address, as turn.New has them
	Routes       *Routes
	Opener       Opener // nil: no connection by TLS starts anything
	Log          *slog.Logger
}

// Edge serves instances and the dashboard.
type Edge struct {
	opts    Options
	handler http.Handler
	config  *tls.Config
}

// New makes an Edge; Run serves.
func New(opts Options) (*Edge, error) {
	dashboard, err := url.Parse(opts.DashboardURL)
	if err != nil {
		return nil, err
	}
	plugin, err := whaley.New(context.Background(), elsewhere(opts.DashboardURL), &whaley.Config{
		InternalURL: opts.InternalURL, PluginKey: opts.PluginKey, BaseDomain: opts.BaseDomain, DashboardURL: opts.DashboardURL,
	}, "embedded edge")
	if err != nil {
		return nil, err
	}
	certificate, err := selfSigned("*." + opts.BaseDomain)
	if err != nil {
		return nil, err
	}
	name := strings.ToLower(dashboard.Hostname())
	return &Edge{
		opts:   opts,
		config: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if host.Clean(r.Host) == name {
				opts.Dashboard.ServeHTTP(w, r)
				return
			}
			w.Header()["Content-Type"] = nil // what a challenge does not name a type for is not given one
			plugin.ServeHTTP(w, r)
		}),
	}, nil
}

// elsewhere answers hosts that are neither the dashboard's nor an instance's, such as the bare address of the machine.
func elsewhere(dashboard string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			http.Redirect(w, r, dashboard, http.StatusFound)
			return
		}
		http.Error(w, "Whaley does not serve this host. The dashboard is at "+dashboard, http.StatusMisdirectedRequest)
	})
}

// Run serves until ctx ends, or one of the listeners is of no use any more.
func (e *Edge) Run(ctx context.Context) error {
	web := listen.Around(e.opts.Web, listen.Options{Name: "EDGE_LISTEN", Log: e.opts.Log})
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return listen.Serve(ctx, web, e.handler, e.opts.Log, func(server *http.Server) {
			server.Protocols = &http.Protocols{}
			server.Protocols.SetHTTP1(true)
			server.Protocols.SetUnencryptedHTTP2(true) // as Traefik, for who knows beforehand that it is spoken
			server.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: maxStreams}
		})
	})
	g.Go(func() error { return e.serveTLS(ctx) })
	return g.Wait()
}
