package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
)

// listeners are opened before anything else: a port that is taken is better known at once.
type listeners struct {
	public, internal, web, tls net.Listener
}

func listen(c *config.Config) (*listeners, error) {
	l := &listeners{}
	wanted := []struct {
		name, address string
		into          *net.Listener
	}{{"LISTEN", c.Listen, &l.public}, {"INTERNAL_LISTEN", c.InternalListen, &l.internal}}
	if c.Edge == "embedded" {
		wanted = append(wanted, []struct {
			name, address string
			into          *net.Listener
		}{{"EDGE_LISTEN", c.EdgeListen, &l.web}, {"EDGE_TLS_LISTEN", c.EdgeTLSListen, &l.tls}}...)
	}
	for _, want := range wanted {
		listener, err := net.Listen("tcp", want.address)
		if err != nil {
			l.close()
			return nil, fmt.Errorf("%s=%s cannot be listened on, is something else there? %w", want.name, want.address, err)
		}
		if want.name != "INTERNAL_LISTEN" {
			listener = behindProxies(listener, c.Trusted)
		}
		*want.into = listener
	}
	return l, nil
}

// addresses are where this process listens.
func (l *listeners) addresses() []net.Addr {
	var all []net.Addr
	for _, listener := range []net.Listener{l.public, l.internal, l.web, l.tls} {
		if listener != nil {
			all = append(all, listener.Addr())
		}
	}
	return all
}

func (l *listeners) close() {
	for _, listener := range []net.Listener{l.public, l.internal, l.web, l.tls} {
		if listener != nil {
			listener.Close()
		}
	}
}

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 32 << 10 // bytes
	shutdown      = 10 * time.Second
)

// serveHTTP answers on a listener until ctx ends, then lets what is under way finish for a while.
func serveHTTP(ctx context.Context, l net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdown)
		defer cancel()
		if server.Shutdown(end) != nil {
			server.Close()
		}
	})
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return err
	}
	<-ended
	return nil
}

// loopback is how this machine reaches a listener of its own.
func loopback(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if ip := net.ParseIP(host); err == nil && (ip == nil || ip.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return a.String()
}

func newLog(c *config.Config, level *slog.LevelVar) *slog.Logger {
	logLevel(c, level)
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(about{slog.NewJSONHandler(os.Stderr, options)})
	}
	return slog.New(about{slog.NewTextHandler(os.Stderr, options)})
}
