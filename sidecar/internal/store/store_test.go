package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func open(t *testing.T, url, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), url, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSQLite(t *testing.T) {
	dir := t.TempDir()
	storetest.Run(t, func(t *testing.T) *store.Store { return open(t, "", dir) })
}

func TestPostgreSQL(t *testing.T) {
	url := testkit.StartPostgres(t)
	storetest.Run(t, func(t *testing.T) *store.Store { return open(t, url, "") })
}

func TestOtherSidecarsHearOfChanges(t *testing.T) {
	url := testkit.StartPostgres(t)
	one, two := open(t, url, ""), open(t, url, "")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	changes := two.Changes(ctx)
	next := func() whaley.Change {
		t.Helper()
		select {
		case c := <-changes:
			return c
		case <-ctx.Done():
			t.Fatal("nothing is heard")
			return whaley.Change{}
		}
	}
	if c := next(); c != (whaley.Change{}) {
		t.Errorf("at first it says %+v instead of that something may have been missed", c)
	}
	in := &whaley.Instance{ID: "a", Challenge: "web", Slug: "s", Owner: whaley.Owner{ID: "o"}, State: whaley.Queued, CreatedAt: time.Now()}
	if err := one.Insert(ctx, in, whaley.Quota{}, whaley.Event{}); err != nil {
		t.Fatal(err)
	}
	if c := next(); c != (whaley.Change{Instance: "a", Challenge: "web", Slug: "s", Owner: "o", State: whaley.Queued}) {
		t.Errorf("%+v", c)
	}
	if _, err := one.Update(ctx, "a", "", whaley.LiveStates, func(in *whaley.Instance) { in.State = whaley.Running }, whaley.Event{}); err != nil {
		t.Fatal(err)
	}
	if c := next(); c.State != whaley.Running {
		t.Errorf("%+v", c)
	}
	if err := one.Map(ctx, &whaley.Mapping{Challenge: "web", CTFdChallenge: 1, CreatedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	flag := &whaley.IssuedFlag{ID: "f", Challenge: "web", Owner: in.Owner, Value: "FLAG{x}", Token: "x", CreatedAt: time.Now()}
	if _, err := one.IssueFlag(ctx, flag, whaley.Event{}); err != nil {
		t.Fatal(err)
	}
	due, err := one.DueRegistrations(ctx, 10)
	if err != nil || len(due) != 1 {
		t.Fatal(due, err)
	}
	tried, live := due[0], due[0]
	tried.Tries, live.State = 1, whaley.RegistrationLive
	for _, now := range []whaley.Registration{tried, live} { // a try that changes nothing is told to nobody
		if err := one.Registered(ctx, due[0], now, 0, whaley.Event{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := one.Insert(ctx, &whaley.Instance{ID: "b", Challenge: "web", Slug: "t", Owner: whaley.Owner{ID: "p"}, State: whaley.Queued, CreatedAt: time.Now()}, whaley.Quota{}, whaley.Event{}); err != nil {
		t.Fatal(err)
	}
	if c := next(); c != (whaley.Change{Owner: "o"}) {
		t.Errorf("of a flag that CTFd has now, others hear %+v", c)
	}
	if c := next(); c.Instance != "b" {
		t.Errorf("%+v", c)
	}
}

func TestTwoThatStartAtOnceBothGetTheirTables(t *testing.T) {
	for what, url := range map[string]string{"SQLite": "", "PostgreSQL": testkit.StartPostgres(t)} {
		dir, failed := t.TempDir(), make(chan error)
		for range 4 {
			go func() {
				s, err := store.Open(context.Background(), url, dir)
				if err == nil {
					err = s.Close()
				}
				failed <- err
			}()
		}
		for range 4 {
			if err := <-failed; err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

func TestABadAddressIsRefusedWithoutItsPassword(t *testing.T) {
	for _, url := range []string{"mysql://root:hunter2@db/x", "postgres://u:hunter2@db:port/x", "postgres://u:hunter2@127.0.0.1:1/x"} {
		_, err := store.Open(context.Background(), url, t.TempDir())
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
