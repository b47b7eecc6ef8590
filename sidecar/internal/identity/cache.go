package identity

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	patience  = time.Second      // that a known player waits for news of CTFd
	tryAgain  = 2 * time.Second  // after CTFd did not answer
	refusedOn = 10 * time.Second // that a refusal is believed
	fetchTime = 20 * time.Second // that one question may take, whoever still waits for it
)

// cache has what CTFd answered. A value is fresh for a time; then it is fetched again, and serves until the answer is
// there, for as long as CTFd does not answer. One fetch is under way for each key.
type cache[V any] struct {
	fresh  atomic.Int64 // a time.Duration
	values *lru.Cache[string, entry[V]]
	// others have no value: they are asked about, or were refused. They are apart so that guesses, however many, take the
	// place of nobody who is known.
	others *lru.Cache[string, entry[V]]
	flight singleflight.Group
	mu     sync.Mutex // of changes of an entry
}

type entry[V any] struct {
	value  V
	has    bool  // there is a value
	err    error // the last answer, if it was none
	at     time.Time
	tried  time.Time // the last question
	asking bool      // it is not answered yet
}

// has says whether a key needs no question.
func (c *cache[V]) has(key string) bool {
	e, ok := c.peek(key)
	return ok && (e.has || e.asking || time.Since(e.tried) < refusedOn)
}

// get is the value of a key. An error is what CTFd refused, or whaley.CodeCTFdUnavailable if there is no value and
// no answer. Whoever has a value waits a moment at most, and nobody in a hurry waits for a question that hangs.
func (c *cache[V]) get(ctx context.Context, key string, fetch func(context.Context) (V, error)) (V, error) {
	now := time.Now()
	e, known := c.values.Get(key)
	if !known {
		e, known = c.others.Get(key)
	}
	sinceTried := now.Sub(e.tried)
	switch {
	case !known:
	case e.err != nil && isRefusal(e.err) && sinceTried < refusedOn:
		return e.value, e.err
	case e.has && now.Sub(e.at) < c.freshFor():
		return e.value, nil
	case e.asking && sinceTried > patience && (e.has || inHurry(ctx)),
		!e.asking && e.err != nil && !isRefusal(e.err) && sinceTried < tryAgain:
		return c.old(e, e.err)
	}
	result := c.ask(key, fetch)
	if e.has {
		wait := patience
		if now.Sub(e.at) < 2*c.freshFor() {
			wait = 0 // whoever is here all the time never waits
		}
		short, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		ctx = short
	}
	select {
	case r := <-result:
		if r.Err == nil {
			return r.Val.(V), nil
		}
		if isRefusal(r.Err) {
			return e.value, r.Err
		}
		return c.old(e, r.Err)
	case <-ctx.Done():
		return c.old(e, ctx.Err())
	}
}

// old is what is known while there is no answer.
func (c *cache[V]) old(e entry[V], why error) (V, error) {
	var known *whaley.Error
	switch {
	case e.has:
		return e.value, nil
	case errors.As(why, &known):
		return e.value, why
	}
	return e.value, whaley.Errorf(whaley.Unavailable, whaley.CodeCTFdUnavailable,
		"CTFd does not answer right now. Try again in a few seconds.").After(tryAgain).Because(why)
}

// inHurry says whether who asks can do without an answer, and so gave it little time.
func inHurry(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) <= patience
}

// ask sends a question off, or joins the one that is under way, and keeps the answer. Another one that has ended
// since the caller looked needs no repetition.
func (c *cache[V]) ask(key string, fetch func(context.Context) (V, error)) <-chan singleflight.Result {
	return c.flight.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), fetchTime)
		defer cancel()
		c.mu.Lock()
		e, _ := c.peek(key)
		switch {
		case e.has && time.Since(e.at) < c.freshFor():
			c.mu.Unlock()
			return e.value, nil
		case e.err != nil && isRefusal(e.err) && time.Since(e.tried) < refusedOn:
			c.mu.Unlock()
			return e.value, e.err
		}
		e.tried, e.asking = time.Now(), true
		c.keep(key, e)
		c.mu.Unlock()
		value, err := fetch(ctx)
		c.mu.Lock()
		defer c.mu.Unlock()
		e.tried, e.asking, e.err = time.Now(), false, err
		switch {
		case err == nil:
			e.value, e.has, e.at = value, true, e.tried
		case isRefusal(err):
			e = entry[V]{err: err, tried: e.tried}
		}
		c.keep(key, e)
		return value, err
	})
}

// isRefusal says whether an error is an answer, and not the lack of one.
func isRefusal(err error) bool {
	var e *whaley.Error
	return errors.As(err, &e) && e.Kind != whaley.Unavailable && e.Kind != whaley.Internal
}

func number(id int) string { return fmt.Sprint(id) }
