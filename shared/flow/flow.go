// Package flow bounds how slowly the body of a request may come. The same bounds hold wherever a server of Whaley's, or
// one that its plugin runs in, reads what a client sends.
package flow

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// A request's body may come as slowly as a bad line lets it: with slowest bytes a second once grace is over, never with
// a pause of more than stall, and for Longest altogether. Only the time counts in which the receiver waits for it, not
// what it takes itself: a request that is held until its instance runs, or a challenge that works while it reads, loses
// nothing.
const (
	stall   = 30 * time.Second
	grace   = 30 * time.Second
	slowest = 1 << 10         // bytes
	leave   = 5 * time.Second // for what the handler did not read

	// Longest is how long a body may be waited for altogether.
	Longest = 10 * time.Minute
)

// Bound gives the body of a request a deadline that moves on while it flows. It returns the request to go on with, and
// what to call when it has been answered. A read that misses the deadline fails with os.ErrDeadlineExceeded. Where a
// middleware hides the connection's deadlines, the connection is taken from the server then, see Taken.
func Bound(w http.ResponseWriter, r *http.Request) (bounded *http.Request, end func()) {
	if r.Body == nil || r.Body == http.NoBody || r.Context().Value(takenKey) != nil {
		return r, func() {}
	}
	conn := http.NewResponseController(w)
	if r.Header.Get("Upgrade") != "" {
		// This may become another protocol while its body is read, which no deadline must cut. The server takes one away
		// that was set before.
		_ = conn.SetReadDeadline(time.Now().Add(Longest)) // fails where there are no deadlines
		return r, func() {}
	}
	b := &body{source: r.Body, conn: conn, multiplexed: r.ProtoMajor > 1}
	// The server goes by what the body of its own request is when it answers, so that one stays as it is.
	ctx := context.WithValue(r.Context(), takenKey, b.connection)
	bounded = r.WithContext(context.WithValue(ctx, answeredKey, b.answer))
	bounded.Body = b
	return bounded, b.end
}

// body is what a handler, or a transport that it has handed the body to, reads.
type body struct {
	source      io.ReadCloser
	conn        *http.ResponseController
	multiplexed bool

	mu       sync.Mutex
	reading  bool
	ended    bool // the connection is the server's again
	answered bool
	// interrupted means that a read has missed its deadline, and was ended by other means.
	interrupted bool

	err    error
	read   int64
	waited time.Duration
	timer  *time.Timer // where the connection has no deadlines
	taken  net.Conn
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	began := time.Now()
	if err := b.arm(began); err != nil {
		return 0, err
	}
	n, err := b.source.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = false
	b.read += int64(n)
	b.waited += time.Since(began)
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
	if b.interrupted {
		err = os.ErrDeadlineExceeded
	}
	if b.ended {
		return n, err
	}
	b.err = err
	if err == nil || errors.Is(err, io.EOF) {
		// Until the next read nothing is waited for, or the server waits for the client to go away, for as long as the answer
		// takes. By HTTP/2 a deadline ends a body between two reads, too.
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error { return b.source.Close() }

// arm sets the deadline for a read that begins now.
func (b *body) arm(now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return http.ErrBodyReadAfterClose
	}
	if b.err != nil {
		return b.err
	}
	left := grace + time.Duration(b.read/slowest)*time.Second
	if left > Longest {
		left = Longest
	}
	left -= b.waited
	if left > stall {
		left = stall
	}
	err := b.conn.SetReadDeadline(now.Add(left))
	if errors.Is(err, http.ErrNotSupported) {
		b.timer = time.AfterFunc(left, b.interrupt)
		err = nil
	}
	b.reading = err == nil
	return err
}

// end bounds what the server itself reads, to use the connection again.
func (b *body) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	switch {
	case b.reading: // by what answered before it had read all: the server could not even answer before that returns
		_ = b.conn.SetReadDeadline(time.Now())
	case b.err == nil:
		_ = b.conn.SetReadDeadline(time.Now().Add(leave))
	}
}
