package instancer

import (
	"context"
	"sync"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// together lets those who ask the same thing at the same time share one answer: a thousand requests that are held for
// one host read its row once or twice when it changes, not a thousand times. What anybody is told was found out after
// they asked: who comes while an answer is under way waits for the next one.
type together[V any] struct {
	mu    sync.Mutex
	under map[string]*answer[V]
}

type answer[V any] struct {
	done  chan struct{}
	value V
	err   error
	next  *answer[V] // of those who came since this one was begun
}

func newTogether[V any]() *together[V] { return &together[V]{under: map[string]*answer[V]{}} }

// ask is find's answer for a key. What several get is the same value: it is only read. The context is the one of
// whoever asked first; give it one that does not end with their request.
func (t *together[V]) ask(ctx context.Context, key string, find func(context.Context) (V, error)) (V, error) {
	t.mu.Lock()
	now := t.under[key]
	switch {
	case now == nil:
		a := &answer[V]{done: make(chan struct{})}
		t.under[key] = a
		t.mu.Unlock()
		return t.find(ctx, key, a, find)
	case now.next == nil:
		a := &answer[V]{done: make(chan struct{})}
		now.next = a
		t.mu.Unlock()
		<-now.done
		return t.find(ctx, key, a, find)
	}
	a := now.next
	t.mu.Unlock()
	<-a.done
	return a.value, a.err
}

func (t *together[V]) find(
	ctx context.Context, key string, a *answer[V], find func(context.Context) (V, error),
) (V, error) {
	// should find panic
	a.err = whaley.Errorf(whaley.Internal, "internal", "Something went wrong in Whaley itself. Try again.")
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if a.next != nil {
			t.under[key] = a.next
		} else {
			delete(t.under, key)
		}
		close(a.done)
	}()
	a.value, a.err = find(ctx)
	return a.value, a.err
}
