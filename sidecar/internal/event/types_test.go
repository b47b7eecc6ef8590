package event_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/event"
)

var typed = regexp.MustCompile(`Type:\s+"([a-z_]+)"`)

func TestEveryTypeIsOnTheListAndWrittenSomewhere(t *testing.T) {
	code := strings.Builder{}
	for _, dir := range []string{"..", "../../cmd"} {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
				strings.Contains(path, "test/") || strings.HasSuffix(path, "event/types.go") {
				return err
			}
			text, err := os.ReadFile(path)
			code.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for kind := range event.Types {
		if !strings.Contains(code.String(), `"`+kind+`"`) {
			t.Errorf("%s is written nowhere", kind)
		}
	}
	for _, m := range typed.FindAllStringSubmatch(code.String(), -1) {
		kind := m[1]
		listed := event.Types[kind] != "" || strings.HasPrefix(kind, "admin_")
		about := strings.HasPrefix(kind, "instance_") || strings.HasPrefix(kind, "flag_") ||
			strings.HasPrefix(kind, "user_") || strings.HasPrefix(kind, "system_")
		if about && !listed {
			t.Errorf("%s is not on the list", kind)
		}
	}
}
