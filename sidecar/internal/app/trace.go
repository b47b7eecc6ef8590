package app

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// tracing makes the tracer that the usual variables ask for: OTEL_TRACES_EXPORTER (console, otlp), or just an endpoint
// in OTEL_EXPORTER_OTLP_ENDPOINT. Without them it is nil, and nothing is traced. shut sends what has not been sent.
func tracing(ctx context.Context, env map[string]string, log *slog.Logger) (_ trace.Tracer, shut func(), err error) {
	wanted := env["OTEL_TRACES_EXPORTER"]
	if wanted == "" && env["OTEL_EXPORTER_OTLP_ENDPOINT"] == "" && env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == "" ||
		wanted == "none" || env["OTEL_SDK_DISABLED"] == "true" {
		return nil, func() {}, nil
	}
	exporter, err := autoexport.NewSpanExporter(ctx)
	if err != nil {
		return nil, nil, err
	}
	about, err := resource.New(
		ctx,
		resource.WithAttributes(attribute.String("service.name", "whaley"), attribute.String("service.version", Version)),
		resource.WithFromEnv(),
	)
	if err != nil {
		return nil, nil, err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return provider.Tracer("github.com/whaley-ctf/whaley/sidecar"), func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			log.Warn("the last spans were not sent", "err", err)
		}
	}, nil
}

// about adds to a record of the log which request and which trace it belongs to.
type about struct{ slog.Handler }

func (a about) Handle(ctx context.Context, r slog.Record) error {
	if id := whaley.RequestOf(ctx); id != "" {
		r.AddAttrs(slog.String("request", id))
	}
	if s := trace.SpanContextFromContext(ctx); s.IsValid() {
		r.AddAttrs(slog.String("trace", s.TraceID().String()))
	}
	return a.Handler.Handle(ctx, r)
}

func (a about) WithAttrs(attrs []slog.Attr) slog.Handler { return about{a.Handler.WithAttrs(attrs)} }
func (a about) WithGroup(name string) slog.Handler       { return about{a.Handler.WithGroup(name)} }
