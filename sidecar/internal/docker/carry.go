package docker

import (
	"context"
	"net/http"
	"strings"

	"github.com/docker/docker/client"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// carrying makes every call carry the id of the request that it is made for, and the trace it is part of.
var carrying = client.WithTraceOptions(
	otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, requestID{})),
	otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return callName(r) }),
	// What the sidecar does by itself, as looking after all containers, has neither.
	otelhttp.WithFilter(func(r *http.Request) bool {
		return oteltrace.SpanContextFromContext(r.Context()).IsValid() || whaley.RequestOf(r.Context()) != ""
	}),
)

// named are the parts of the engine's addresses that stand where others have an object's name or id.
var named = map[string]bool{"create": true, "json": true, "prune": true}

// callName is a call of the engine without its version and the object's name, so that calls of a kind have one name.
func callName(r *http.Request) string {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) > 0 && strings.HasPrefix(parts[0], "v1.") {
		parts = parts[1:]
	}
	if len(parts) > 1 && !named[parts[1]] {
		verb := parts[2:]
		if parts[0] == "images" { // their names have slashes themselves
			verb = parts[len(parts)-1:]
			if !named[verb[0]] {
				verb = nil
			}
		}
		parts = append([]string{parts[0], "{id}"}, verb...)
	}
	return r.Method + " /" + strings.Join(parts, "/")
}

// requestID is the id of a request as a header.
type requestID struct{}

func (requestID) Inject(ctx context.Context, carrier propagation.TextMapCarrier) {
	if id := whaley.RequestOf(ctx); id != "" {
		carrier.Set(wire.RequestHeader, id)
	}
}

func (requestID) Extract(ctx context.Context, _ propagation.TextMapCarrier) context.Context {
	return ctx
}

func (requestID) Fields() []string { return []string{wire.RequestHeader} }
