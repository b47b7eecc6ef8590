package instancer

import (
	"context"
	"sync"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// hub wakes those who wait for a change of a key (an instance, a host, an owner). It carries no data: who is woken
// reads the store again.
type hub struct {
	mu     sync.Mutex
	topics map[string]*topic
}

type topic struct {
	changed chan struct{}
	waiters int
}

func newHub() *hub { return &hub{topics: map[string]*topic{}} }

// watch returns a channel that is closed at the next change of key. Take it before reading what it is about, and
// call done afterwards.
func (h *hub) watch(key string) (changed <-chan struct{}, done func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[key]
	if t == nil {
		t = &topic{changed: make(chan struct{})}
		h.topics[key] = t
	}
	t.waiters++
	return t.changed, sync.OnceFunc(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if t.waiters--; t.waiters == 0 && h.topics[key] == t {
			delete(h.topics, key)
		}
	})
}

func (h *hub) notify(keys ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, key := range keys {
		if t := h.topics[key]; t != nil {
			close(t.changed)
			delete(h.topics, key)
		}
	}
}

// notifyAll wakes everybody: something may have been missed.
func (h *hub) notifyAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, t := range h.topics {
		close(t.changed)
		delete(h.topics, key)
	}
}

func hostKey(challenge, slug string) string { return "host/" + challenge + "/" + slug }
func ownerKey(owner string) string          { return "owner/" + owner }

// changed tells everybody who waits for something about this instance.
func (i *Instancer) changed(in *whaley.Instance) {
	i.hub.notify(hostKey(in.Challenge, in.Slug), ownerKey(in.Owner.ID))
}

// OwnerChanged tells everybody who waits for something about an owner that it changed: what is not in the instances'
// rows, as the state of a flag.
func (i *Instancer) OwnerChanged(owner string) { i.hub.notify(ownerKey(owner)) }

// Changes gives a hint each time something of an owner's instances changed; hints that nobody took in time are
// merged. The function ends it.
func (i *Instancer) Changes(owner string) (<-chan struct{}, func()) {
	hints := loop.NewSignal()
	ctx, cancel := context.WithCancel(context.Background())
	// The first watch is taken here: a change right after Changes returned must not be missed.
	changed, done := i.hub.watch(ownerKey(owner))
	go func() {
		for {
			select {
			case <-ctx.Done():
				done()
				return
			case <-changed:
			}
			done()
			changed, done = i.hub.watch(ownerKey(owner))
			hints.Send()
		}
	}()
	return hints, cancel
}
