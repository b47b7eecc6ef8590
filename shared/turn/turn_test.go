package turn_test

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/shared/turn"
)

func TestWhoComesOneAtATimeNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns, began := turn.New(1), time.Now()
		for n := 0; n < 1000; n++ {
			end, err := turns.Take(t.Context(), "one")
			if err != nil {
				t.Fatal(err)
			}
			end()
			end()
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("waited %s", waited)
		}
	})
}

// TestARestHasALeastLength has many come at once for next to nothing: there are only so many in a second, and of another
// address, or of one who comes alone, as many as it likes.
func TestARestHasALeastLength(t *testing.T) {
	const many, rest = 10, 6 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		turns, began := turn.Resting(1, time.Hour, rest), time.Now()
		var all sync.WaitGroup
		for n := 0; n < many; n++ {
			all.Go(func() {
				end, err := turns.Take(t.Context(), "many")
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Microsecond)
				end()
			})
		}
		for n := 0; n < many; n++ {
			end, err := turns.Take(t.Context(), "alone")
			if err != nil {
				t.Fatal(err)
			}
			end()
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("one who comes alone waited %s", waited)
		}
		all.Wait()
		if took, want := time.Since(began), (many-1)*rest+many*time.Microsecond; took != want {
			t.Errorf("%d took %s, want %s", many, took, want)
		}
	})
}

// TestManyOfOneAddressWaitForEachOther has them come at once, each for a millisecond's work. They take twice that
// each, one after the other, and another address has its turn at once.
func TestManyOfOneAddressWaitForEachOther(t *testing.T) {
	for _, width := range []int{1, 3} {
		width := width
		synctest.Test(t, func(t *testing.T) {
			turns, began := turn.New(width), time.Now()
			var busy, most atomic.Int64
			var all sync.WaitGroup
			for n := 0; n < 60; n++ {
				all.Go(func() {
					end, err := turns.Take(t.Context(), "many")
					if err != nil {
						t.Error(err)
						return
					}
					defer end()
					if now := busy.Add(1); now > most.Load() {
						most.Store(now)
					}
					time.Sleep(time.Millisecond)
					busy.Add(-1)
				})
			}
			synctest.Wait()
			end, err := turns.Take(t.Context(), "another")
			if err != nil || time.Since(began) != 0 {
				t.Errorf("another waited %s: %v", time.Since(began), err)
			}
			end()
			all.Wait()
			if most.Load() != int64(width) {
				t.Errorf("%d at the same time, want %d", most.Load(), width)
			}
			if took, want := time.Since(began), time.Duration(2*60/width-1)*time.Millisecond; took != want {
				t.Errorf("all took %s, want %s", took, want)
			}
			end, err = turns.Take(t.Context(), "many")
			if err != nil || time.Since(began) > 2*60*time.Millisecond {
				t.Errorf("afterwards one waited until %s: %v", time.Since(began), err)
			}
			end()
		})
	}
}

func TestATurnThatTakesLongIsGivenToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns, began := turn.New(1), time.Now()
		for n := 0; n < 3; n++ {
			end, err := turns.Take(t.Context(), "one")
			if err != nil {
				t.Fatal(n, err)
			}
			defer end()
		}
		if waited := time.Since(began); waited > 100*time.Millisecond {
			t.Errorf("waited %s", waited)
		}
	})
}

func TestALineEndsSomewhereAndWhoLeavesMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := turn.New(1)
		end, err := turns.Take(t.Context(), "one")
		if err != nil {
			t.Fatal(err)
		}
		ctx, leave := context.WithCancel(t.Context())
		var left, served atomic.Int64
		for n := 0; n < 1024; n++ {
			go func() {
				if _, err := turns.Take(ctx, "one"); err == nil {
					served.Add(1)
				} else if errors.Is(err, context.Canceled) {
					left.Add(1)
				}
			}()
		}
		synctest.Wait()
		began := time.Now()
		if _, err := turns.Take(t.Context(), "one"); !errors.Is(err, turn.ErrFull) {
			t.Errorf("a place more: %v", err)
		}
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("who finds it full is told so after %s", waited)
		}
		leave()
		synctest.Wait()
		if left.Load()+served.Load() != 1024 || left.Load() == 0 {
			t.Errorf("%d left and %d had their turn, of 1024", left.Load(), served.Load())
		}
		end()
		if end, err = turns.Take(t.Context(), "one"); err != nil {
			t.Errorf("after all have left: %v", err)
		}
		end()
	})
}

// TestWhoTriesAFullLineAgainAndAgainIsRefusedSeldom has 2,000 come again as soon as they are refused, for a minute.
func TestWhoTriesAFullLineAgainAndAgainIsRefusedSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := turn.New(1)
		ctx, stop := context.WithCancel(t.Context())
		var refused atomic.Int64
		var all sync.WaitGroup
		for n := 0; n < 2000; n++ {
			all.Add(1)
			go func() {
				defer all.Done()
				for ctx.Err() == nil {
					if _, err := turns.Take(ctx, "one"); errors.Is(err, turn.ErrFull) {
						refused.Add(1)
					}
				}
			}()
		}
		time.Sleep(time.Minute)
		stop()
		all.Wait()
		if n := refused.Load(); n > 2000*60/5 {
			t.Errorf("%d refusals", n)
		}
	})
}

// TestWhoWaitsToBeRefusedIsBounded has more come than may wait for that.
func TestWhoWaitsToBeRefusedIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := turn.New(1)
		end, err := turns.Take(t.Context(), "one")
		if err != nil {
			t.Fatal(err)
		}
		defer end()
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for n := 0; n < 1024+4096; n++ {
			all.Add(1)
			go func() {
				defer all.Done()
				_, _ = turns.Take(ctx, "one")
			}()
		}
		synctest.Wait()
		began := time.Now()
		if _, err := turns.Take(ctx, "one"); !errors.Is(err, turn.ErrFull) || time.Since(began) != 0 {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		stop()
		all.Wait()
	})
}

func TestAHouseholdCountsAsOneAddress(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::/64",
		"fe80::1%eth0": "fe80::/64",
	} {
		if got := turn.Of(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
