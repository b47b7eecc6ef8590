package flag

import (
	"context"
	"sync"
	"time"
)

const (
	contactsEvery = time.Second
	contactsKept  = 100_000
)

// contacts collects when instances got their first requests.
type contacts struct {
	mu   sync.Mutex
	seen map[string]bool // written already, or about to be
	new  map[string]time.Time
}

func newContacts() contacts { return contacts{seen: map[string]bool{}, new: map[string]time.Time{}} }

// Contact notes that a request goes to a running instance. It does no more than look into a map: what is new is written
// a moment later.
func (f *Flags) Contact(instance string) {
	c := &f.contacts
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen[instance] {
		return
	}
	if len(c.seen) >= contactsKept {
		clear(c.seen) // an earlier contact that is written stays
	}
	c.seen[instance], c.new[instance] = true, time.Now().UTC()
}

func (f *Flags) contactLoop(ctx context.Context) error {
	for pause(ctx, contactsEvery) {
		if err := f.flushContacts(ctx); err != nil && ctx.Err() == nil {
			f.log.Warn("first contacts not written yet", "err", err)
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return f.flushContacts(last)
}

func (f *Flags) flushContacts(ctx context.Context) error {
	c := &f.contacts
	c.mu.Lock()
	first := c.new
	c.new = map[string]time.Time{}
	c.mu.Unlock()
	err := f.store.Contacted(ctx, first)
	if err == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, at := range first {
		c.new[id] = at
	}
	return err
}
