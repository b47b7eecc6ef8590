package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestThePluginIsLaidOut(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "src", "whaley")
	for name, text := range map[string]string{".traefik.yml": "a", "shared/host/host.go": "b"} {
		path := filepath.Join(from, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := layPluginOf(from, []string{to}); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(to, "shared/host/host.go")); err != nil || string(text) != "b" {
		t.Errorf("%q %v", text, err)
	}
	if err := layPluginOf(filepath.Join(from, "none"), []string{to}); err == nil || !strings.Contains(err.Error(), "sources") {
		t.Errorf("without the plugin: %v", err)
	}
	if err := layPluginOf(from, nil); err == nil {
		t.Error("without a folder it lays it out somewhere")
	}
}
