package docker

import (
	"context"
	"net/http"

	"github.com/docker/docker/client"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// carrying makes every call carry the id of the request that it is made for, and the trace it is part of.
var carrying = client.WithTraceOptions(
	otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, requestID{})),
	// What the sidecar does by itself, as looking after all containers, has neither.
	otelhttp.WithFilter(func(r *http.Request) bool {
		return oteltrace.SpanContextFromContext(r.Context()).IsValid() || instancer.RequestOf(r.Context()) != ""
	}),
)

// requestID is the id of a request as a header.
type requestID struct{}

func (requestID) Inject(ctx context.Context, carrier propagation.TextMapCarrier) {
	if id := instancer.RequestOf(ctx); id != "" {
		carrier.Set(wire.RequestHeader, id)
	}
}

func (requestID) Extract(ctx context.Context, _ propagation.TextMapCarrier) context.Context {
	return ctx
}

func (requestID) Fields() []string { return []string{wire.RequestHeader} }
