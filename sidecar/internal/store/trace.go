package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Trace makes a span of every call to the database that is part of a trace. Set it before the store is used by others;
// without it nothing is in the way of a call.
func (s *Store) Trace(tracer trace.Tracer) { s.db = s.db.WithQueryHook(queries{tracer}) }

type spanKey struct{}

// queries makes spans that name operation and table. The query itself is in none: flags and sessions are among its
// values.
type queries struct{ tracer trace.Tracer }

func (q queries) BeforeQuery(ctx context.Context, e *bun.QueryEvent) context.Context {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx
	}
	system, name := "sqlite", e.Operation()
	if e.DB.Dialect().Name() == dialect.PG {
		system = "postgresql"
	}
	about := []attribute.KeyValue{attribute.String("db.system.name", system), attribute.String("db.operation.name", name)}
	if e.IQuery != nil {
		if table := strings.Trim(e.IQuery.GetTableName(), `"`); table != "" {
			name += " " + table
			about = append(about, attribute.String("db.collection.name", table))
		}
	}
	_, span := q.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(about...))
	if e.Stash == nil {
		e.Stash = map[any]any{}
	}
	e.Stash[spanKey{}] = span
	return ctx // what follows a BEGIN is beside it, not in it
}

func (q queries) AfterQuery(_ context.Context, e *bun.QueryEvent) {
	span, ok := e.Stash[spanKey{}].(trace.Span)
	if !ok {
		return
	}
	if e.Err != nil && !errors.Is(e.Err, sql.ErrNoRows) {
		span.SetStatus(codes.Error, "the database refused") // its own text may hold values
	}
	span.End()
}
