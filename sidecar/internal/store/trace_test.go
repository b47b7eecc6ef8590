package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestATraceShowsTheDatabasesPartAndNoValues(t *testing.T) {
	for kind, url := range map[string]string{"sqlite": "", "postgresql": testkit.StartPostgres(t)} {
		t.Run(kind, func(t *testing.T) {
			db := open(t, url, t.TempDir())
			printed := tracetest.NewInMemoryExporter()
			tracer := sdktrace.NewTracerProvider(sdktrace.WithSyncer(printed)).Tracer("test")
			db.Trace(tracer)
			in := &whaley.Instance{
				ID: "web-hunter2", Challenge: "web", Slug: "s", Owner: whaley.Owner{ID: "o"}, State: whaley.Queued,
				CreatedAt: time.Now(),
			}
			if err := db.Insert(context.Background(), in, whaley.Quota{}, whaley.Event{Type: "instance_spawn"}); err != nil {
				t.Fatal(err)
			}
			if n := len(printed.GetSpans()); n != 0 {
				t.Errorf("%d spans of what is in no trace", n)
			}
			ctx, wake := tracer.Start(context.Background(), "wake")
			if _, err := db.Update(
				ctx, in.ID, whaley.LiveStates, func(in *whaley.Instance) { in.State = whaley.Starting },
				whaley.Event{Type: "instance_running", Message: "hunter2"},
			); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Get(ctx, "no hunter2"); whaley.CodeOf(err) != "instance_not_found" {
				t.Fatal(err)
			}
			wake.End()
			var names []string
			for _, span := range printed.GetSpans() {
				names = append(names, span.Name)
				if span.SpanContext.TraceID() != wake.SpanContext().TraceID() || span.EndTime.Before(span.StartTime) ||
					span.Status.Description != "" {
					t.Errorf("%+v", span)
				}
				if text := fmt.Sprint(span.Name, span.Attributes, span.Events, span.Status); strings.Contains(text, "hunter2") {
					t.Errorf("a value is in %s", text)
				}
			}
			for _, want := range []string{"BEGIN", "UPDATE instances", "INSERT events", "COMMIT", "SELECT instances"} {
				if !slices.Contains(names, want) {
					t.Errorf("%s is not in the trace: %q", want, names)
				}
			}
		})
	}
}
