package whaley

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// Keys of a context: pointers, since types of our own do not always compare equal when interpreted.
var (
	requestKey = new(int)
	traceKey   = new(int)
)

// traced is the context of a wake. However often one request asks, it is one trace; whether anybody records that is the
// sidecar's affair. A traceparent of the client's is not believed.
func (v *visit) traced(r *http.Request) context.Context {
	if v.trace == "" {
		bits := make([]byte, 24)
		_, _ = rand.Read(bits) // as in random
		v.trace = "00-" + hex.EncodeToString(bits[:16]) + "-" + hex.EncodeToString(bits[16:]) + "-01"
	}
	return context.WithValue(context.WithValue(r.Context(), requestKey, v.id(r)), traceKey, v.trace)
}

// carry makes a call to the sidecar say which request and which trace it is part of.
func carry(ctx context.Context, header http.Header) {
	if id, ok := ctx.Value(requestKey).(string); ok {
		header.Set(wire.RequestHeader, id)
	}
	if parent, ok := ctx.Value(traceKey).(string); ok {
		header.Set(wire.TraceHeader, parent)
	}
}
