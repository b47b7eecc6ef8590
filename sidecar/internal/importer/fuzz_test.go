package importer_test

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// FuzzImport imports a folder whose metadata, Dockerfile and compose file are anything. An import ends, changes nothing
// that was there, writes in that folder alone, and has nothing to write a second time.
func FuzzImport(f *testing.F) {
	for _, e := range examples(f) {
		texts := map[string]string{}
		for path, text := range e.files {
			texts[filepath.Base(path)] = text
		}
		for n, name := range metadataNames {
			if text, there := texts[name]; there {
				f.Add(n, text, texts["Dockerfile"], texts["docker-compose.yml"])
			}
		}
	}
	f.Fuzz(func(t *testing.T, kind int, metadata, dockerfile, compose string) {
		around := t.TempDir()
		dir := filepath.Join(around, "challenges", "one")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		name := metadataNames[uint(kind)%uint(len(metadataNames))]
		for file, text := range map[string]string{name: metadata, "Dockerfile": dockerfile, "docker-compose.yml": compose} {
			if text == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		before := contents(t, around)
		first, text := imported(t, dir, false)
		after := contents(t, around)
		for path, was := range before {
			if after[path] != was {
				t.Errorf("%q has changed", path)
			}
		}
		for _, path := range changes(before, after) {
			if filepath.Dir(path) != dir {
				t.Errorf("%q was written", path)
			}
		}
		second, again := imported(t, dir, false)
		if !maps.Equal(after, contents(t, around)) {
			t.Errorf("a second import writes %v", changes(after, contents(t, around)))
		}
		if first.Refused() != second.Refused() {
			t.Errorf("first\n%s\nand a second time\n%s", text, again)
		}
	})
}

var metadataNames = []string{
	"challenge.yml", "challenge.yaml", "challenge.json", "challenge.toml", "info.yaml", "instance.toml", "nsjail.cfg",
}
