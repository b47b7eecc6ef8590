package sidecar_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	goTests   = regexp.MustCompile("`(Test\\w+)`")
	pageTests = regexp.MustCompile(`"([^"]{10,})"`)
)

// TestWhatThePagesPromiseIsHeldByTests looks for every test that docs/interface.md names.
func TestWhatThePagesPromiseIsHeldByTests(t *testing.T) {
	table, err := os.ReadFile("../docs/interface.md")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for folder, kinds := range map[string][]string{
		".": {"_test.go"}, "../frontend/src": {".test.ts", ".test.tsx"}, "../frontend/e2e": {".spec.ts"},
	} {
		err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			for _, kind := range kinds {
				if err == nil && strings.HasSuffix(path, kind) {
					text, err := os.ReadFile(path)
					all.Write(text)
					return err
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	rows := 0
	for line := range strings.Lines(string(table)) {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasPrefix(line, "| what | promise") {
			continue
		}
		rows++
		named := 0
		for _, found := range goTests.FindAllStringSubmatch(line, -1) {
			if named++; !strings.Contains(all.String(), "func "+found[1]+"(t ") {
				t.Errorf("there is no %s: %s", found[1], line)
			}
		}
		for _, found := range pageTests.FindAllStringSubmatch(line, -1) {
			if named++; !strings.Contains(all.String(), `("`+found[1]+`"`) {
				t.Errorf("no test of the pages says %q: %s", found[1], line)
			}
		}
		if named == 0 {
			t.Errorf("no test: %s", line)
		}
	}
	if rows < 27 {
		t.Errorf("%d rows", rows)
	}
}
