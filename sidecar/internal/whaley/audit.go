package whaley

import (
	"context"
	"sync/atomic"
)

// Audit is the line of the log of events for what an organiser does. It goes with the context of the request, and the
// store writes it in the transaction that does it, so that either both hold or neither.
type Audit struct {
	// Event: of instance, challenge, owner, player and message, what is empty is as the store knows it. Without a type
	// there is nothing to write.
	Event   Event
	written atomic.Bool
}

// Wanted says whether the line is still to be written.
func (a *Audit) Wanted() bool { return a != nil && a.Event.Type != "" && !a.written.Load() }

// Written says that the line is in the log.
func (a *Audit) Written() bool { return a.written.Load() }

// Keep notes that the line is in the log, once the transaction that wrote it is committed.
func (a *Audit) Keep() { a.written.Store(true) }

type auditKey struct{}

// WithAudit returns a context for what an organiser does.
func WithAudit(ctx context.Context, a *Audit) context.Context {
	return context.WithValue(ctx, auditKey{}, a)
}

// AuditOf is the line that goes with a context, or nil.
func AuditOf(ctx context.Context) *Audit {
	a, _ := ctx.Value(auditKey{}).(*Audit)
	return a
}
