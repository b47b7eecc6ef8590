package kit

import (
	"context"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// traced makes a request a span if it changes something, and part of the plugin's trace if it comes from there; whoever
// else sends a traceparent is not believed. end takes the status and also tells the observer.
func (a *Surface) traced(ctx context.Context, r *http.Request) (_ context.Context, end func(status int)) {
	route := "unknown" // a method or a path that is not on the list may be anything
	if r.Pattern != "" {
		route = r.Method + " " + r.Pattern
	}
	began := time.Now()
	internal := strings.HasPrefix(r.URL.Path, "/internal/")
	if internal {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	if a.Tracer == nil || !trace.SpanContextFromContext(ctx).IsValid() && (internal || r.Method == http.MethodGet) {
		return ctx, func(status int) { a.answered(route, status, time.Since(began)) }
	}
	ctx, span := a.Tracer.Start(ctx, route, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", r.Method), attribute.String("whaley.request", whaley.RequestOf(ctx)),
	))
	return ctx, func(status int) {
		a.answered(route, status, time.Since(began))
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
		span.End()
	}
}

func (a *Surface) answered(route string, status int, took time.Duration) {
	if a.Answered != nil {
		a.Answered(route, status, took)
	}
}
