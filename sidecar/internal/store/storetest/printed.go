package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// printed checks what is kept of what instances printed.
func printed(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	if all, err := s.Printed(ctx, "no-such-instance"); err != nil || len(all) > 0 {
		t.Errorf("of an instance that never was: %v %v", all, err)
	}
	id := fmt.Sprint("printed-", numbers.Add(1))
	for n := range 2 {
		want := []whaley.Printed{
			{Service: "db", Text: "ready\n"},
			{Service: "web", Text: fmt.Sprintf("config error %d: DB_URL is not set \u2028\n", n)},
		}
		if err := s.KeepPrinted(ctx, id, want); err != nil {
			t.Fatal(err)
		}
		if got, err := other.Printed(ctx, id); err != nil || !slices.Equal(got, want) {
			t.Errorf("kept %q, read %q %v", want, got, err)
		}
	}
}
