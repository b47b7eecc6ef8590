package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/shared/host"
)

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	dialTimeout   = 3 * time.Second
	httpsPort     = 443
)

// Serve is what runs inside an instance, until ctx ends.
func Serve(ctx context.Context, s Settings, log *slog.Logger) error {
	certificate, err := s.tls()
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	web := map[string]http.Handler{}
	named := map[string]Route{}
	for _, r := range s.Routes {
		if !r.Web {
			named[r.Host] = r
			continue
		}
		if web[r.Host], err = s.proxy(r, log); err != nil {
			return err
		}
	}
	if len(web) > 0 {
		serve := func(port int, handler http.Handler, config *tls.Config) error {
			l, err := net.Listen("tcp", ":"+strconv.Itoa(port))
			if err != nil {
				return err
			}
			g.Go(func() error { return serveWeb(ctx, l, handler, config, log) })
			return nil
		}
		config := certificate // which routes by name have too
		if !s.Secure {
			config = nil
		}
		err := serve(s.Port, byHost(web), config)
		if err == nil && s.Secure && s.Port == httpsPort {
			err = serve(80, http.HandlerFunc(toTLS), nil)
		}
		if err != nil {
			return err
		}
	}
	if len(named) > 0 {
		g.Go(func() error { return serveNamed(ctx, s.TLSPort, named, certificate) })
	}
	return g.Wait()
}

// tls is the relay's certificate, if it has one, with that of who signed it.
func (s Settings) tls() (*tls.Config, error) {
	if len(s.Certificate) == 0 {
		return nil, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(s.Key)
	if err != nil {
		return nil, fmt.Errorf("the key of the relay: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{s.Certificate, s.Authority}, PrivateKey: key}}},
		nil
}

func byHost(all map[string]http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, known := all[host.Clean(r.Host)]
		if !known {
			http.Error(w, "This instance has no such address.", http.StatusMisdirectedRequest)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// toTLS sends who came without TLS to the same address with it, as the edge does.
func toTLS(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "https://"+host.Clean(r.Host)+r.URL.RequestURI(), http.StatusPermanentRedirect)
}

func serveWeb(ctx context.Context, l net.Listener, handler http.Handler, config *tls.Config, log *slog.Logger) error {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, TLSConfig: config,
		Protocols: &protocols, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	var err error
	if config != nil {
		err = server.ServeTLS(l, "", "")
	} else {
		err = server.Serve(l)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
