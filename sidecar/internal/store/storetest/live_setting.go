package storetest

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
)

// settings checks that changed settings are kept with their history, all or none.
func settings(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	set := func(values map[string]string) {
		t.Helper()
		if err := s.ChangeSettings(ctx, "somebody", func(map[string]string) (map[string]string, error) { return values, nil }); err != nil {
			t.Fatal(err)
		}
	}
	set(map[string]string{"A": "1", "B": "2"})
	set(map[string]string{"A": "1", "C": "3"})
	refused := errors.New("refused")
	if err := s.ChangeSettings(ctx, "somebody", func(now map[string]string) (map[string]string, error) {
		clear(now)
		return now, refused
	}); !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
	now, err := other.Settings(ctx)
	if err != nil || !maps.Equal(now, map[string]string{"A": "1", "C": "3"}) {
		t.Errorf("%v %v", now, err)
	}
	changes, err := other.SettingChanges(ctx, "", 2)
	if err != nil || len(changes) != 2 || changes[0].Name != "B" || *changes[0].Before != "2" || changes[0].After != nil ||
		changes[1].Name != "C" || changes[1].Before != nil || *changes[1].After != "3" || changes[1].By != "somebody" {
		t.Fatalf("%+v %v", changes, err)
	}
	if older, err := other.SettingChanges(ctx, changes[1].ID, 10); err != nil || len(older) != 2 {
		t.Errorf("%+v %v", older, err)
	}
	set(nil)
}
