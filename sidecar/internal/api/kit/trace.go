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

// traced makes a request a span if it changes something. One of the plugin's is part of its trace, see Span; whoever
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
	if a.Tracer == nil || internal || r.Method == http.MethodGet {
		return ctx, func(status int) { a.answered(route, status, time.Since(began)) }
	}
	ctx, span := a.span(ctx, r, route)
	return ctx, func(status int) {
		a.answered(route, status, time.Since(began))
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
		span.End()
	}
}

// Span makes what follows of a call of the plugin's a span of its trace. Most of its calls are answered at once and are
// none.
func (a *Surface) Span(ctx context.Context, r *http.Request) (_ context.Context, end func(error)) {
	if a.Tracer == nil || !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx, func(error) {}
	}
	ctx, span := a.span(ctx, r, r.Method+" "+r.Pattern)
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, whaley.CodeOf(err))
		}
		span.End()
	}
}

func (a *Surface) span(ctx context.Context, r *http.Request, route string) (context.Context, trace.Span) {
	return a.Tracer.Start(ctx, route, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", r.Method), attribute.String("whaley.request", whaley.RequestOf(ctx)),
	))
}

func (a *Surface) answered(route string, status int, took time.Duration) {
	if a.Answered != nil {
		a.Answered(route, status, took)
	}
}
