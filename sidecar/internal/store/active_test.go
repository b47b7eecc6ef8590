package store_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// candidate is a process that wants to be the active one.
type candidate struct {
	*store.Store
	active chan *store.Active
}

func wantsToBeActive(t *testing.T, url, dir string) candidate {
	t.Helper()
	s, err := store.Connect(url, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	c := candidate{s, make(chan *store.Active, 1)}
	c.wait(t)
	return c
}

// wait waits in the background to be the active one.
func (c candidate) wait(t *testing.T) {
	go func() {
		a, err := c.BecomeActive(t.Context(), slog.New(slog.DiscardHandler))
		if err == nil {
			c.active <- a
		} else if t.Context().Err() == nil {
			t.Error(err)
		}
	}()
}

// await is the right of a candidate, once it has it.
func (c candidate) await(t *testing.T) *store.Active {
	t.Helper()
	select {
	case a := <-c.active:
		t.Cleanup(a.Release)
		return a
	case <-time.After(20 * time.Second):
		t.Fatal("it does not become the active one")
		return nil
	}
}

func (c candidate) insert(id string) error {
	in := &whaley.Instance{
		ID: id, Challenge: id, Slug: id, Owner: whaley.Owner{ID: "o"}, State: whaley.Queued, CreatedAt: time.Now(),
	}
	return c.Insert(context.Background(), in, whaley.Quota{}, whaley.Event{})
}

func TestOneProcessIsActiveAndTheNextFollowsAtOnce(t *testing.T) {
	for name, place := range map[string]func(t *testing.T) (string, string){
		"sqlite":     func(t *testing.T) (string, string) { return "", t.TempDir() },
		"postgresql": func(t *testing.T) (string, string) { return testkit.StartPostgres(t), "" },
	} {
		t.Run(name, func(t *testing.T) {
			url, dir := place(t)
			one := wantsToBeActive(t, url, dir)
			first := one.await(t)
			two := wantsToBeActive(t, url, dir)
			if err := errors.Join(one.insert("a"), first.Valid()); err != nil {
				t.Fatal(err)
			}
			select {
			case <-two.active:
				t.Fatal("both are active")
			case <-time.After(time.Second):
			}
			one.Close()
			first.Release()
			released := time.Now()
			second := two.await(t)
			t.Logf("taken over after %s", time.Since(released))
			if err := errors.Join(two.insert("b"), second.Valid()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestAStandbyKnowsWhereTheActiveOneIs also of tables that an earlier version has made.
func TestAStandbyKnowsWhereTheActiveOneIs(t *testing.T) {
	url := testkit.StartPostgres(t)
	knows := func(own string) (candidate, chan store.Advertised) {
		s, err := store.Connect(url, "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		told := make(chan store.Advertised, 100)
		s.Advertise(store.Advertised{URL: own, Key: "key of " + own}, func(active store.Advertised) { told <- active })
		return candidate{s, make(chan *store.Active, 1)}, told
	}
	one, _ := knows("http://one")
	one.wait(t)
	first := one.await(t)
	two, told := knows("http://two")
	two.wait(t)
	if active := <-told; active != (store.Advertised{URL: "http://one", Key: "key of http://one"}) {
		t.Errorf("told of %+v", active)
	}
	first.Release()
	second := two.await(t)
	three, told := knows("http://three")
	three.wait(t)
	if active := <-told; active != (store.Advertised{URL: "http://two", Key: "key of http://two"}) {
		t.Errorf("told of %+v after a takeover", active)
	}
	older := "ALTER TABLE active RENAME COLUMN url TO later" // which has another version active
	if err := two.Exec(t.Context(), older); err != nil {
		t.Fatal(err)
	}
	four, told := knows("http://four")
	four.wait(t)
	time.Sleep(300 * time.Millisecond) // it has looked by now; if not, the test is easier
	if err := two.Exec(t.Context(), "ALTER TABLE active RENAME COLUMN later TO url"); err != nil {
		t.Fatal(err)
	}
	if active := <-told; active.URL != "http://two" {
		t.Errorf("told of %+v", active)
	}
	second.Release()
}

// TestWhatHangsWritesNothingOnceAnotherHasTakenOver stops one from being seen alive in the middle of a transaction.
func TestWhatHangsWritesNothingOnceAnotherHasTakenOver(t *testing.T) {
	url := testkit.StartPostgres(t)
	one := wantsToBeActive(t, url, "")
	first := one.await(t)
	two := wantsToBeActive(t, url, "")
	begun, goOn, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- one.InTransaction(context.Background(), func() {
			select {
			case begun <- struct{}{}:
				<-goOn
			case <-goOn: // it is tried again
			}
		})
	}()
	<-begun
	first.Hang()
	hung := time.Now()
	second := two.await(t)
	t.Logf("taken over after %s", time.Since(hung))
	if code := whaley.CodeOf(first.Valid()); code != whaley.CodeStandby {
		t.Errorf("the one that hangs believes it is active: %q", code)
	}
	close(goOn)
	if code := whaley.CodeOf(<-ended); code != whaley.CodeStandby {
		t.Errorf("what was under way ends with %q", code)
	}
	if code := whaley.CodeOf(one.insert("a")); code != whaley.CodeStandby {
		t.Errorf("what it begins ends with %q", code)
	}
	if err := errors.Join(two.insert("b"), second.Valid()); err != nil {
		t.Error(err)
	}
}

func TestADatabaseThatWasAwayFindsOneActive(t *testing.T) {
	url, restart := testkit.RestartablePostgres(t)
	one := wantsToBeActive(t, url, "")
	first := one.await(t)
	two := wantsToBeActive(t, url, "")
	time.Sleep(300 * time.Millisecond) // it waits by now; if not, the test is easier
	restart()
	testkit.Eventually(t, 20*time.Second, "one is active", func() error {
		select {
		case <-first.Lost():
			second := two.await(t)
			return errors.Join(second.Valid(), two.insert("b"))
		default:
			return errors.Join(first.Valid(), one.insert("a"))
		}
	})
}
