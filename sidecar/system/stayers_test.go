package system

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// stayers are players who keep the one instance that they have started while others come and go.
type stayers struct {
	*stack
	ids []string // of their instances
}

// stay has some of them start a challenge, all at once but for how many ask at the same time.
func (s *stack) stay(count int, challenge string) *stayers {
	s.t.Helper()
	all, began := &stayers{s, make([]string, count)}, time.Now()
	var took times
	all.each(func(n int) error {
		wait, in, ok := startOf(s, all.name(n), challenge)
		took.add(wait)
		if all.ids[n] = in.ID; !ok {
			return errors.New("it did not get through")
		}
		return nil
	})
	s.t.Logf("%d instances live after %s; from asked for to running %s", count, time.Since(began).Round(time.Second), &took)
	return all
}

func (a *stayers) name(n int) string { return fmt.Sprintf("127.0.%d.%d", 3+n/200, 1+n%200) }

// each does something for all, 16 at a time: a host of two cores has enough to do then.
func (a *stayers) each(do func(n int) error) {
	a.t.Helper()
	next, errs := make(chan int), make([]error, len(a.ids))
	var working sync.WaitGroup
	for range 16 {
		working.Go(func() {
			for n := range next {
				if err := do(n); err != nil {
					errs[n] = fmt.Errorf("%s: %w", a.name(n), err)
				}
			}
		})
	}
	for n := range a.ids {
		next <- n
	}
	close(next)
	working.Wait()
	if err := errors.Join(errs...); err != nil {
		a.t.Error(err)
	}
}

// stillThere wants every one of them to have the very instance that was started, and it to answer.
func (a *stayers) stillThere(challenge string) {
	a.t.Helper()
	a.each(func(n int) error {
		var list instances
		if err := a.tryCall(a.name(n), "GET", "/instances", "", &list); err != nil {
			return err
		}
		if len(list.Instances) != 1 || list.Instances[0].ID != a.ids[n] || list.Instances[0].State != "running" {
			return fmt.Errorf("had %s, and has %+v", a.ids[n], list.Instances)
		}
		got, err := a.try(a.name(n), "GET", a.address(a.name(n), challenge)+"/", nil)
		if err == nil && got.Status != http.StatusOK {
			err = fmt.Errorf("it answers %d %s", got.Status, got.Body)
		}
		return err
	})
}

// leave has all of them stop what they have.
func (a *stayers) leave() {
	a.t.Helper()
	began := time.Now()
	a.each(func(n int) error { return a.tryCall(a.name(n), "DELETE", "/instances/"+a.ids[n], "", nil) })
	a.eventually("they have left", time.Minute+time.Duration(len(a.ids))*time.Second, func() error {
		for n := range a.ids {
			var list instances
			if err := a.tryCall(a.name(n), "GET", "/instances", "", &list); err != nil || len(list.Instances) > 0 {
				time.Sleep(500 * time.Millisecond)
				return fmt.Errorf("%s has %+v %w", a.name(n), list.Instances, err)
			}
		}
		return nil
	})
	a.t.Logf("%d instances gone %s after they were told to stop", len(a.ids), time.Since(began).Round(time.Second))
}

// startOf starts a challenge, as somebody would who tries again when nothing answers, until it runs.
func startOf(s *stack, me, challenge string) (took time.Duration, in instance, ok bool) {
	began := time.Now()
	for time.Since(began) < 10*time.Minute { // never that long, unless something hangs
		body := strings.NewReader(fmt.Sprintf(`{"challenge_id":%q}`, challenge))
		s.try(me, "POST", s.dashboard+"/instances/spawn?wait=20", body, "Content-Type", "application/json")
		var list instances
		if s.tryCall(me, "GET", "/instances", "", &list) == nil {
			for _, in := range list.Instances {
				if in.Challenge == challenge && in.State == "running" {
					return time.Since(began), in, true
				}
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return time.Since(began), instance{}, false
}

// stopOf stops an instance in the same way.
func stopOf(s *stack, me, id string) bool {
	for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		got, err := s.try(me, "DELETE", s.dashboard+"/instances/"+id, nil)
		if err == nil && (got.Status == http.StatusAccepted || got.Status == http.StatusConflict) {
			return true
		}
	}
	return false
}

// times are how long something took, each time.
type times struct {
	sync.Mutex
	all []time.Duration
}

func (l *times) add(took time.Duration) {
	l.Lock()
	defer l.Unlock()
	l.all = append(l.all, took)
}

// String are those that 50, 95 and 99 of 100 did not exceed.
func (l *times) String() string {
	l.Lock()
	defer l.Unlock()
	if len(l.all) == 0 {
		return "never"
	}
	slices.Sort(l.all)
	at := func(part float64) time.Duration {
		return l.all[int(part*float64(len(l.all)-1))].Round(time.Millisecond)
	}
	return fmt.Sprintf("p50 %s, p95 %s, p99 %s", at(0.5), at(0.95), at(0.99))
}
