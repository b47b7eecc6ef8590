package cheating

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
func (d *Detector) Contact(instance string) {
	c := &d.contacts
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

func (d *Detector) contactLoop(ctx context.Context) error {
	tick := time.NewTicker(contactsEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
			if err := d.flushContacts(ctx); err != nil && ctx.Err() == nil {
				d.log.Warn("first contacts not written yet", "err", err)
			}
		case <-ctx.Done():
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return d.flushContacts(last)
}

func (d *Detector) flushContacts(ctx context.Context) error {
	c := &d.contacts
	c.mu.Lock()
	first := c.new
	c.new = map[string]time.Time{}
	c.mu.Unlock()
	err := d.store.Contacted(ctx, first)
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
