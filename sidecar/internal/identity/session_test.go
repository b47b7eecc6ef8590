package identity_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// slowRows are rows whose database takes a second.
type slowRows struct {
	identity.SessionRows
	row   whaley.Session
	reads atomic.Int64
}

func (r *slowRows) StartSession(_ context.Context, s whaley.Session) error {
	r.row = s
	return nil
}

func (r *slowRows) Session(ctx context.Context, _ string) (whaley.Session, error) {
	r.reads.Add(1)
	select {
	case <-time.After(time.Second):
		return r.row, nil
	case <-ctx.Done():
		return whaley.Session{}, ctx.Err()
	}
}

func TestASessionIsReadOnceHoweverManyShowItAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := &slowRows{}
		admins := identity.NewAdmins("a key of admins", nil, identity.NewSessions(keys(t, 1), rows))
		_, cookie, err := admins.SignIn(t.Context(), "a key of admins", "")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		leaves, leave := context.WithCancel(t.Context())
		go func() { _, _ = admins.ByCookie(leaves, cookie) }() // the first goes away while the row is read
		synctest.Wait()
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				if _, err := admins.ByCookie(t.Context(), cookie); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		leave()
		all.Wait()
		if n := rows.reads.Load(); n != 1 {
			t.Errorf("read %d times", n)
		}
	})
}
