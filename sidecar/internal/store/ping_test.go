package store_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// wellAgain is how long what was seen of writes is believed, and time for a busy machine.
const wellAgain = 30 * time.Second

func TestAFullDiskIsNamedAndForgottenWhenThereIsRoom(t *testing.T) {
	testkit.Need(t, testkit.Root)
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	s := open(t, "", dir)
	filler := filepath.Join(dir, "filler")
	full := func() error {
		f, err := os.OpenFile(filler, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		for _, size := range []int{64 << 10, 4 << 10, 1} {
			for err == nil {
				_, err = f.Write(make([]byte, size))
			}
			if !errors.Is(err, unix.ENOSPC) {
				return err
			}
			err = nil
		}
		return nil
	}
	if err := full(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, wellAgain, "a start is refused for the disk", func() error {
		return isUnwritable(insert(s), "disk is full")
	})
	testkit.Eventually(
		t, wellAgain, "health says so", func() error { return isUnwritable(s.Ping(t.Context()), "disk is full") },
	)
	if _, err := s.Live(t.Context(), ""); err != nil {
		t.Errorf("what is there cannot be read: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := insert(s); err != nil {
		t.Errorf("there is room again, and a start is still refused: %v", err)
	}
	testkit.Eventually(t, wellAgain, "health is well again", func() error { return s.Ping(t.Context()) })
}

func TestADatabaseThatCanOnlyBeReadIsNamed(t *testing.T) {
	url := testkit.StartPostgres(t)
	s := open(t, url, "")
	admin, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	for _, statement := range []string{
		"ALTER ROLE whaley SET default_transaction_read_only = on",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'whaley' AND pid <> pg_backend_pid()",
	} {
		if _, err := admin.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(isUnwritable(insert(s), "only be read"), isUnwritable(s.Ping(t.Context()), "only be read")); err != nil {
		t.Error(err)
	}
}

func TestThoseWhoAskOftenDoNotWearTheDisk(t *testing.T) {
	dir := t.TempDir()
	s := open(t, "", dir)
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	before, began := writtenAt(t, s), time.Now()
	for range 100 {
		if err := s.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if after := writtenAt(t, s); after != before && time.Since(began) < 5*time.Second {
		t.Errorf("written at %s and again at %s", before, after)
	}
}

// writtenAt is when Ping wrote last.
func writtenAt(t *testing.T, s *store.Store) string {
	t.Helper()
	at, err := s.Meta(context.Background(), "probed_at", func() string { return "never" })
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func insert(s *store.Store) error {
	id := time.Now().Format(time.RFC3339Nano)
	return s.Insert(context.Background(), &whaley.Instance{
		ID: id, Challenge: "web", Slug: id, Owner: whaley.Owner{ID: id}, State: whaley.Queued, CreatedAt: time.Now(),
	}, whaley.Quota{}, whaley.Event{Type: "instance_spawn", Message: strings.Repeat("x", 64<<10)})
}

func isUnwritable(err error, says string) error {
	var e *whaley.Error
	switch {
	case err == nil:
		return errors.New("no error at all")
	case !errors.As(err, &e) || e.Code != "database_not_writable" || !strings.Contains(e.Detail, says):
		return err
	}
	return nil
}
