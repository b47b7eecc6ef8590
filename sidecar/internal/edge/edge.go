package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/shared/host"
	whaley "github.com/whaley-ctf/whaley/traefik-plugin"
)

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10 // bytes, as Traefik's maxHeaderBytes
	maxStreams    = 250      // of one connection by HTTP/2, as with Traefik
	shutdown      = 10 * time.Second
)

// Options are the settings of an Edge.
type Options struct {
	BaseDomain   string
	DashboardURL string
	InternalURL  string // of the sidecar's internal API
	PluginKey    string
	Dashboard    http.Handler // the public API and the pages
	Web, TLS     net.Listener
	Routes       *Routes
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

// Run serves until ctx ends.
func (e *Edge) Run(ctx context.Context) error {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true) // as Traefik, for who knows beforehand that it is spoken
	server := &http.Server{
		Protocols: &protocols, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		Handler: e.handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(e.opts.Log.Handler(), slog.LevelDebug),
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := server.Serve(e.opts.Web); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdown)
		defer cancel()
		if server.Shutdown(end) != nil {
			return server.Close() // held requests and streams that do not end by themselves
		}
		return nil
	})
	g.Go(func() error { return e.serveTLS(ctx) })
	return g.Wait()
}
