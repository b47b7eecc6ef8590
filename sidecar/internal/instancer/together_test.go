package instancer

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestThoseWhoAskTogetherShareAnAnswerThatIsNotOlderThanTheirQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := newTogether[int64]()
		var found atomic.Int64
		find := func(context.Context) (int64, error) {
			n := found.Add(1)
			time.Sleep(time.Second)
			return n, nil
		}
		got := make(chan int64, 1001)
		ask := func() {
			n, err := asked.ask(t.Context(), "host", find)
			if err != nil {
				t.Error(err)
			}
			got <- n
		}
		go ask()
		synctest.Wait()
		for range 1000 {
			go ask()
		}
		if n := <-got; n != 1 {
			t.Errorf("the first got answer %d", n)
		}
		for range 1000 {
			if n := <-got; n != 2 {
				t.Fatalf("who came while answer 1 was under way got answer %d, want 2", n)
			}
		}
		if n := found.Load(); n != 2 {
			t.Errorf("found out %d times for 1001 who asked", n)
		}
		if len(asked.under) != 0 {
			t.Error("answers are kept that nobody waits for")
		}
		ask()
		if n := <-got; n != 3 {
			t.Errorf("who came later got answer %d, want one of their own", n)
		}
	})
}

func TestAPanicOfOneIsAnErrorOfThoseWhoWaitedWithThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := newTogether[int]()
		ended := make(chan error, 2)
		ask := func(find func(context.Context) (int, error)) {
			defer func() {
				if recover() != nil {
					ended <- nil
				}
			}()
			_, err := asked.ask(t.Context(), "k", find)
			ended <- err
		}
		slow := func(context.Context) (int, error) { time.Sleep(time.Second); return 1, nil }
		bad := func(context.Context) (int, error) { panic("bad") }
		go ask(slow)
		synctest.Wait()
		go ask(bad)
		synctest.Wait()
		go ask(slow) // shares what bad finds
		errs := 0
		for range 3 {
			if <-ended != nil {
				errs++
			}
		}
		if errs != 1 || len(asked.under) != 0 {
			t.Errorf("%d errors, %d left", errs, len(asked.under))
		}
	})
}
