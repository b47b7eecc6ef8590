package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
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
	for _, url := range []string{
		"mysql://root:hunter2@db/x", "postgres://u:hunter2@db:port/x", "postgres://u:hunter2@127.0.0.1:1/x",
	} {
		_, err := store.Open(context.Background(), url, t.TempDir())
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
