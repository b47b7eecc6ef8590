package instancer

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Observer is told of what comes to pass. Its methods must not block.
type Observer interface {
	// Done is told of every operation that ended (err nil), failed or was refused. challenge is one that is loaded, or
	// empty; took is zero for what was refused.
	Done(operation, challenge string, took time.Duration, err error)
	// Waited is told how long a spawn has stood in the queue.
	Waited(d time.Duration)
	// Leaked is told of what was found on the engine or reserved without an instance that owns it.
	Leaked(kind string)
}

type unobserved struct{}

func (unobserved) Done(string, string, time.Duration, error) {}
func (unobserved) Waited(time.Duration)                      {}
func (unobserved) Leaked(string)                             {}

// refused tells of an operation that was not begun, unless its owner is no player.
func (i *Instancer) refused(owner whaley.Owner, operation, challenge string, err error) {
	if err == nil || whaley.Synthetic(owner.ID) {
		return
	}
	if _, known := i.Challenges.Get(challenge); !known {
		challenge = "" // who asks may name anything
	}
	i.Observer.Done(operation, challenge, 0, err)
}

// origin is on whose behalf a job is done that goes on after its request.
type origin struct {
	instance string
	span     trace.Span
	request  string
	at       time.Time
}

// begin remembers where an operation on an instance comes from, until a job goes on with it.
func (i *Instancer) begin(ctx context.Context, operation string, in *whaley.Instance) {
	_, span := i.Tracer.Start(ctx, operation, trace.WithAttributes(
		attribute.String("whaley.instance", in.ID), attribute.String("whaley.challenge", in.Challenge),
		attribute.String("whaley.owner", in.Owner.ID),
		attribute.String("whaley.request", whaley.RequestOf(ctx)),
	))
	i.mu.Lock()
	defer i.mu.Unlock()
	i.origins[operation+"/"+in.ID] = origin{in.ID, span, whaley.RequestOf(ctx), time.Now()}
}

// resume gives a job the context of the operation that it goes on with. end ends that.
func (i *Instancer) resume(ctx context.Context, operation, id string) (_ context.Context, o origin, end func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	key := operation + "/" + id
	o, known := i.origins[key]
	if !known {
		return ctx, origin{}, func() {} // this process did not see its beginning
	}
	delete(i.origins, key)
	return trace.ContextWithSpan(whaley.WithRequest(ctx, o.request), o.span), o, func() { o.span.End() }
}

// leftQueue marks in a trace when its turn had come.
func (o origin) leftQueue() {
	if o.span != nil {
		o.span.AddEvent("left the queue")
	}
}

// dropSpan ends an operation that no job will go on with.
func (i *Instancer) dropSpan(operation, id string) {
	_, _, end := i.resume(context.Background(), operation, id)
	end()
}

// step is one part of an operation in a trace; end takes how it ended. Outside of a trace it does nothing.
func (i *Instancer) step(ctx context.Context, name string) (_ context.Context, end func(error)) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx, func(error) {}
	}
	ctx, span := i.Tracer.Start(ctx, name)
	return ctx, func(err error) {
		setSpanStatus(span, err)
		span.End()
	}
}

// setSpanStatus marks a span as failed, with the code of the error: its text may hold what is nobody's business.
func setSpanStatus(span trace.Span, err error) {
	if err == nil {
		return
	}
	code := whaley.CodeOf(err)
	if code == "" {
		code = string(whaley.Internal)
	}
	span.SetStatus(codes.Error, code)
}

// withoutTrace is for calls that are repeated many times: they are in no trace.
func withoutTrace(ctx context.Context) context.Context {
	s := trace.SpanContextFromContext(ctx)
	if !s.IsSampled() {
		return ctx
	}
	return trace.ContextWithSpanContext(ctx, s.WithTraceFlags(s.TraceFlags().WithSampled(false)))
}
