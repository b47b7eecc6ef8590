package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

const (
	patience  = time.Second      // that somebody already known waits for news of CTFd
	tryAgain  = 2 * time.Second  // after CTFd did not answer
	refusedOn = 10 * time.Second // that a refusal is believed
	fetchTime = 20 * time.Second // that one question may take, whoever still waits for it
)

// kept remembers what CTFd said. A value is fresh for a time; then it is asked for again, and serves until the answer
// is there, for as long as CTFd does not answer. One question is under way for each key.
type kept[V any] struct {
	fresh  time.Duration
	values *lru.Cache[string, entry[V]]
	flight singleflight.Group
}

type entry[V any] struct {
	value V
	has   bool  // there is a value
	err   error // the last answer, if it was none
	at    time.Time
	tried time.Time // the last question
}

func newKept[V any](fresh time.Duration, size int) *kept[V] {
	values, err := lru.New[string, entry[V]](size)
	if err != nil {
		panic(err) // size is a positive constant
	}
	return &kept[V]{fresh: fresh, values: values}
}

// has says whether a key needs no question.
func (k *kept[V]) has(key string) bool {
	e, ok := k.values.Peek(key)
	return ok && (e.has || time.Since(e.tried) < refusedOn)
}

func (k *kept[V]) forget(key string) { k.values.Remove(key) }

// get is the value of a key. An error is what CTFd refused, or instancer.CodeCTFdUnavailable if there is no value and
// no answer. Whoever has a value waits a moment at most.
func (k *kept[V]) get(ctx context.Context, key string, fetch func(context.Context) (V, error)) (V, error) {
	now := time.Now()
	e, known := k.values.Get(key)
	switch {
	case known && e.err != nil && isRefusal(e.err) && now.Sub(e.tried) < refusedOn:
		return e.value, e.err
	case known && e.has && now.Sub(e.at) < k.fresh:
		return e.value, nil
	case known && e.has && now.Sub(e.tried) < tryAgain:
		return e.value, nil
	case known && !e.has && e.err != nil && !isRefusal(e.err) && now.Sub(e.tried) < tryAgain:
		return e.value, e.err
	}
	result := k.ask(key, fetch)
	if known && e.has {
		wait := patience
		if now.Sub(e.at) < 2*k.fresh {
			wait = 0 // whoever is here all the time never waits
		}
		ctx2, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		ctx = ctx2
	}
	select {
	case r := <-result:
		if r.Err == nil {
			return r.Val.(V), nil
		}
		if e.has && !isRefusal(r.Err) {
			return e.value, nil
		}
		return e.value, r.Err
	case <-ctx.Done():
	}
	if e.has {
		return e.value, nil
	}
	err := instancer.Errorf(instancer.Unavailable, instancer.CodeCTFdUnavailable,
		"CTFd does not answer right now. Try again in a few seconds.").After(tryAgain).Because(ctx.Err())
	if !known && !errors.Is(ctx.Err(), context.Canceled) {
		k.values.ContainsOrAdd(key, entry[V]{err: err, tried: now}) // the next ones do not wait as long
	}
	return e.value, err
}

// ask sends a question off, or joins the one that is under way, and keeps the answer.
func (k *kept[V]) ask(key string, fetch func(context.Context) (V, error)) <-chan singleflight.Result {
	return k.flight.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), fetchTime)
		defer cancel()
		before, _ := k.values.Peek(key)
		before.tried = time.Now()
		if before.has {
			k.values.Add(key, before)
		}
		value, err := fetch(ctx)
		now := time.Now()
		switch {
		case err == nil:
			k.values.Add(key, entry[V]{value: value, has: true, at: now, tried: now})
		case isRefusal(err):
			k.values.Add(key, entry[V]{err: err, tried: now})
		default:
			before.err, before.tried = err, now
			k.values.Add(key, before)
		}
		return value, err
	})
}

// isRefusal says whether an error is an answer, and not the lack of one.
func isRefusal(err error) bool {
	var e *instancer.Error
	return errors.As(err, &e) && e.Kind != instancer.Unavailable && e.Kind != instancer.Internal
}

func number(id int) string { return fmt.Sprint(id) }
