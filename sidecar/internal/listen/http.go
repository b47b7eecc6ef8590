package listen

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/whaley-ctf/whaley/shared/flow"
)

const (
	headerTimeout = 10 * time.Second // for all headers of a request
	idleTimeout   = 2 * time.Minute  // between two requests
	maxHeader     = 64 << 10         // bytes of a request's headers, as Traefik's maxHeaderBytes
	shutdown      = 10 * time.Second
)

// Serve answers HTTP on a listener until ctx ends, then lets what is under way finish for a while. It returns an error
// if the listener is of no use any more. What a server speaks besides HTTP/1 is set by with.
func Serve(
	ctx context.Context, l net.Listener, handler http.Handler, log *slog.Logger, with ...func(*http.Server),
) error {
	server := &http.Server{
		Handler: flowing(handler), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), ConnState: heads,
	}
	for _, set := range with {
		set(server)
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdown)
		defer cancel()
		if server.Shutdown(end) != nil {
			server.Close() // held requests and streams that do not end by themselves
		}
	})
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return err
	}
	<-ended
	return nil
}

// heads tells connections whether a head of a request is awaited or has been read.
func heads(conn net.Conn, state http.ConnState) {
	counted, ours := conn.(*Conn)
	if over, ok := conn.(interface{ Raw() net.Conn }); ok {
		counted, ours = over.Raw().(*Conn)
	}
	if ours && (state == http.StateActive || state == http.StateIdle) {
		counted.expect(state == http.StateIdle)
	}
}

// flowing bounds how slowly the bodies of requests may come.
func flowing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, end := flow.Bound(w, r)
		defer end()
		next.ServeHTTP(w, r)
	})
}
