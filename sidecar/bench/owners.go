package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/rig"
)

const concurrency = 10 // of starts: SPAWN_CONCURRENCY's default

// lap is many owners doing the same at once: until the last is done, and how long each waited.
type lap struct {
	whole time.Duration
	each  []time.Duration
}

// both is what owners do: start, and stop again.
type both struct{ start, stop lap }

// owners is how many instances a second come up when one, some or many owners ask at once, and how many go again when
// they all stop; and how long each of them waits for that.
func owners(ctx context.Context, dir string, rounds int, r *results) error {
	bare, err := newBare(ctx, dir)
	if err != nil {
		return err
	}
	defer bare.close()
	var sidecars []*sidecar
	for n, pool := range []int{0, 4} {
		s, err := startSidecar(ctx, dir, n, pool)
		if err != nil {
			return err
		}
		defer s.close()
		sidecars = append(sidecars, s)
	}
	for _, count := range []int{1, 10, 30} {
		contenders := []contending[both]{{"bare", func(ctx context.Context) (both, error) { return bare.many(ctx, count) }}}
		for _, s := range sidecars {
			contenders = append(
				contenders,
				contending[both]{
					fmt.Sprintf("pool%d", s.Pool), func(ctx context.Context) (both, error) { return s.many(ctx, count) },
				},
			)
		}
		n := max(3, rounds/5)
		if count == 1 {
			n = rounds
		}
		progress("%d at once", count)
		took, err := turns(ctx, n, contenders)
		if err != nil {
			return err
		}
		r.laps(fmt.Sprintf("owners%d", count), count, contenders, took, func(b both) lap { return b.start })
		r.laps(fmt.Sprintf("stop%d", count), count, contenders, took, func(b both) lap { return b.stop })
		r.value(fmt.Sprintf("owners%d_n", count), n)
	}
	return nil
}

// laps sets throughput (of the median lap) and waiting of each contender against the first one's.
func (r *results) laps(
	what string, count int, contenders []contending[both], took map[string][]both, of func(both) lap,
) {
	var names []string
	perSecond, waited := map[string]float64{}, map[string][]time.Duration{}
	for _, c := range contenders {
		var whole []time.Duration
		for _, b := range took[c.name] {
			whole = append(whole, of(b).whole)
			waited[c.name] = append(waited[c.name], of(b).each...)
		}
		names = append(names, c.name)
		perSecond[c.name] = float64(count) / median(whole).Seconds()
	}
	if count > 1 { // of one it says the same as how long that waits
		for _, name := range names {
			if name != names[0] {
				r.ratio(fmt.Sprintf("%s_%s_throughput_over_%s", what, name, names[0]), perSecond[name]/perSecond[names[0]])
			}
			r.value(fmt.Sprintf("%s_%s_per_s", what, name), fmt.Sprintf("%.1f", perSecond[name]))
		}
	}
	r.percentiles(what, names, waited, names[0])
}

// many lets as many owners open the same challenge, and then stop it.
func (s *sidecar) many(ctx context.Context, count int) (b both, err error) {
	if err := s.Until(ctx, "sandboxes are ready", s.Ready); err != nil {
		return b, err
	}
	urls := make([]string, count)
	for n := range urls {
		if urls[n], err = s.addressOf(player(n), "bench"); err != nil {
			return b, err
		}
	}
	if b.start, err = timed(count, func(n int) error { return s.Get(urls[n], player(n)) }); err != nil {
		return b, err
	}
	settle(ctx)
	// The stream of events tells a list of instances a tenth of a second late; looking takes little from what is measured.
	look := 10*time.Millisecond + time.Duration(count)*2*time.Millisecond
	b.stop, err = timed(count, func(n int) error {
		return rig.Poll(ctx, time.Minute, look, look, func() error { return s.Stop(player(n)) })
	})
	return b, err
}

// addressOf is where a player's own copy of a challenge is.
func (s *sidecar) addressOf(player, challenge string) (string, error) {
	var ch struct{ Routes []struct{ URL string } }
	if err := s.Call(player, "GET", "/challenges/"+challenge, &ch); err != nil {
		return "", err
	}
	return ch.Routes[0].URL, nil
}

// player is the nth address of one, on this machine.
func player(n int) string { return fmt.Sprintf("127.0.%d.%d", 16+n/250, n%250+1) }

// timed does as many at once.
func timed(count int, do func(n int) error) (lap, error) {
	l := lap{each: make([]time.Duration, count)}
	began := time.Now()
	failed := atOnce(count, count, func(n int) error {
		began := time.Now()
		defer func() { l.each[n] = time.Since(began) }()
		return do(n)
	})
	l.whole = time.Since(began)
	return l, several(failed)
}

// atOnce does something count times, as many at the same time as there are slots, and returns what went wrong.
func atOnce(count, slots int, do func(n int) error) []error {
	free := make(chan struct{}, slots)
	failed := make([]error, count)
	var all sync.WaitGroup
	for n := range count {
		all.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			failed[n] = do(n)
		})
	}
	all.Wait()
	return slices.DeleteFunc(failed, func(err error) bool { return err == nil })
}

// several is the first of many errors, and how many there are.
func several(failed []error) error {
	if len(failed) < 2 {
		return errors.Join(failed...)
	}
	return fmt.Errorf("%w (and %d more)", failed[0], len(failed)-1)
}

// many makes as many copies with the bare API as the sidecar makes, as many at the same time, and takes them down.
func (b *bare) many(ctx context.Context, count int) (done both, err error) {
	free := make(chan struct{}, concurrency)
	each := func(do func(context.Context, int) error) (lap, error) {
		return timed(count, func(n int) error {
			free <- struct{}{}
			defer func() { <-free }()
			return do(ctx, n+1)
		})
	}
	if done.start, err = each(b.start); err != nil {
		return done, err
	}
	settle(ctx)
	done.stop, err = each(b.stop)
	return done, err
}
