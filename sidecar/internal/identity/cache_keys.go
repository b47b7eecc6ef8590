package identity

import (
	"errors"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxOthers is how many keys without a value are remembered.
const maxOthers = 4096

func newCache[V any](fresh time.Duration, size int) *cache[V] {
	values, err := lru.New[string, entry[V]](size)
	others, failed := lru.New[string, entry[V]](maxOthers)
	if err := errors.Join(err, failed); err != nil {
		panic(err) // the sizes are positive constants
	}
	c := &cache[V]{values: values, others: others}
	c.fresh.Store(int64(fresh))
	return c
}

// peek is what is known of a key, without saying that somebody uses it.
func (c *cache[V]) peek(key string) (entry[V], bool) {
	if e, ok := c.values.Peek(key); ok {
		return e, true
	}
	return c.others.Peek(key)
}

// keep has what is known of a key from now on. The caller has c.mu.
func (c *cache[V]) keep(key string, e entry[V]) {
	to, from := c.values, c.others
	if !e.has {
		to, from = from, to
	}
	to.Add(key, e) // first: whoever looks meanwhile finds one
	from.Remove(key)
}

// forget has a key asked about when it comes next.
func (c *cache[V]) forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values.Remove(key)
	c.others.Remove(key)
}

func (c *cache[V]) freshFor() time.Duration { return time.Duration(c.fresh.Load()) }

// each calls f with every value.
func (c *cache[V]) each(f func(key string, value V)) {
	for _, key := range c.values.Keys() {
		if e, ok := c.values.Peek(key); ok {
			f(key, e.value)
		}
	}
}

// put is news of a key that was not asked for.
func (c *cache[V]) put(key string, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	e, _ := c.peek(key)
	e.value, e.has, e.err, e.at, e.tried = value, true, nil, now, now
	c.keep(key, e)
}

// doubt has a key asked for anew before its value counts again.
func (c *cache[V]) doubt(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.peek(key); ok {
		e.at = time.Time{}
		c.keep(key, e)
	}
}
