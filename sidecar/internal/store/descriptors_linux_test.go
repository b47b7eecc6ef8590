package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
)

// TestARushLeavesFewDescriptors has many read and write at once: SQLite keeps a descriptor for as many as there ever
// were.
func TestARushLeavesFewDescriptors(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), "", dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var all sync.WaitGroup
	for n := range 200 {
		all.Go(func() {
			for range 5 {
				if _, err := s.Mappings(t.Context()); err != nil {
					t.Errorf("read: %v", err)
				}
				if err := s.ChangeMeta(t.Context(), "rush", func(now string) string { return now + string(rune('a'+n%26)) }); err != nil {
					t.Errorf("write: %v", err)
				}
			}
		})
	}
	all.Wait()
	links, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	open := 0
	for _, link := range links {
		target, _ := os.Readlink("/proc/self/fd/" + link.Name()) // one that is closed meanwhile is none of the database's
		if strings.HasPrefix(target, filepath.Join(dir, "whaley.db")) {
			open++
		}
	}
	if open < 1 || open > 3*8 {
		t.Errorf("%d descriptors of the database are open", open)
	}
	var length int
	if err := s.ChangeMeta(t.Context(), "rush", func(now string) string { length = len(now); return now }); err != nil ||
		length != 1000 {
		t.Errorf("%d of 1000 writes are there: %v", length, err)
	}
}
