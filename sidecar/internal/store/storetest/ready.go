package storetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
)

// Ready is a new folder for store.Open to find a database in whose tables are up to date: what it makes in an empty one
// too, but only after some forty migrations, each of which waits for the disk.
func Ready(t testing.TB) string {
	t.Helper()
	content, err := upToDate()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

const file = "whaley.db"

// upToDate is the content of such a database, made once per process.
var upToDate = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "whaley-ready-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s, err := store.Open(context.Background(), "", dir)
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, file+"-wal")); !errors.Is(err, os.ErrNotExist) {
		return nil, errors.New("a closed database has left something outside of its file")
	}
	return os.ReadFile(filepath.Join(dir, file))
})
