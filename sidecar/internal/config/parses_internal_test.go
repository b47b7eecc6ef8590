package config

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"testing"
)

// memory keeps settings as a database would.
type memory map[string]string

func (m memory) Settings(context.Context) (map[string]string, error) { return maps.Clone(m), nil }

func (m memory) ChangeSettings(
	_ context.Context, _ string, change func(map[string]string) (map[string]string, error),
) error {
	next, err := change(maps.Clone(m))
	if err != nil {
		return err
	}
	clear(m)
	maps.Copy(m, next)
	return nil
}

func TestAChangeIsReadOnce(t *testing.T) {
	stored := memory{}
	l, err := NewLive(t.Context(), nil, stored, bytes.Repeat([]byte{7}, 32), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	parses := 0
	l.parse = func(environment map[string]string) (*Config, error) {
		parses++
		return Load(environment)
	}
	five, secret := "5", "a secret of at least sixteen bytes"
	for _, do := range []func() error{
		func() error {
			return l.Change(t.Context(), "admin", map[string]*string{"MAX_INSTANCES_PER_USER": &five})
		},
		func() error { return l.Change(t.Context(), "admin", map[string]*string{"MAX_INSTANCES_PER_USER": nil}) },
		func() error { return l.SetVariable(t.Context(), "admin", Variable{Name: "API_KEY"}, &secret) },
	} {
		if parses = 0; do() != nil || parses != 1 {
			t.Errorf("a change is read %d times", parses)
		}
	}
	if c := l.Config(); c.MaxInstancesPerUser != l.Now().defaults.MaxInstancesPerUser || l.Values("")["API_KEY"] != secret {
		t.Errorf("%d %v", c.MaxInstancesPerUser, l.Values(""))
	}
}
