package standby

import (
	"bytes"
	"io"
	"net/http"
	"sync/atomic"
)

// body is what a request carries. A small one is read first, so that it can be sent to one sidecar after the other; a
// large one flows through, and is sent once at most.
type body struct {
	small  []byte
	source io.ReadCloser // of a large one; nil: there is none
	begun  atomic.Bool   // something of a large one was read
}

func read(r *http.Request) (*body, error) {
	switch {
	case r.Body == nil, r.Body == http.NoBody, r.ContentLength == 0:
		return &body{}, nil
	case r.ContentLength < 0, r.ContentLength > smallBody:
		return &body{source: r.Body}, nil
	}
	small, err := io.ReadAll(r.Body)
	return &body{small: small}, err
}

// attach is the request with its body as it came.
func (b *body) attach(r *http.Request) *http.Request {
	r = r.WithContext(r.Context())
	switch {
	case b.source != nil:
		r.Body = b
	case b.small != nil:
		r.Body = io.NopCloser(bytes.NewReader(b.small))
	}
	return r
}

// used says whether the body cannot be sent again.
func (b *body) used() bool { return b.begun.Load() }

func (b *body) Read(p []byte) (int, error) {
	b.begun.Store(true)
	return b.source.Read(p)
}

// Close leaves the body to the server: a transport closes what it could not deliver.
func (b *body) Close() error { return nil }
