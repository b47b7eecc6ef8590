package docker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Each instance has its own, which all users of its containers can read, in containers that are read only too, and it
// is gone with the instance.
func TestATextOfTheComposeFileIsAFileOfTheInstancesOwn(t *testing.T) {
	e := &Engine{folder: t.TempDir()}
	for _, instance := range []string{"one", "two"} {
		svc := &whaley.Service{Name: "web", ReadOnly: true, Mounts: []whaley.Mount{
			{Target: "/etc/app.ini", Written: true, ReadOnly: true, Text: "of " + instance},
			{Target: "/run/secrets/none", Written: true, ReadOnly: true},
		}}
		mounts, err := e.MakeFiles(t.Context(), instance, &whaley.Challenge{}, svc, &whaley.ImageFlag{Files: 1}, nil)
		if err != nil || len(mounts) != 2 {
			t.Fatal(mounts, err)
		}
		for n, want := range []string{"of " + instance, ""} {
			m := mounts[n]
			text, err := os.ReadFile(m.Source)
			if err != nil || string(text) != want || m.Target != svc.Mounts[n].Target || !m.ReadOnly || m.Written ||
				!strings.HasPrefix(m.Source, e.instanceFolder(instance)+string(filepath.Separator)) {
				t.Errorf("%+v: %q %v", m, text, err)
			}
			if info, err := os.Stat(m.Source); err != nil || info.Mode().Perm() != 0o444 {
				t.Errorf("%v %v", info, err)
			}
		}
	}
	if err := e.RemoveFiles(t.Context(), "one"); err != nil {
		t.Error(err)
	}
	for instance, gone := range map[string]bool{"one": true, "two": false} {
		if _, err := os.Stat(e.instanceFolder(instance)); os.IsNotExist(err) != gone {
			t.Errorf("%s: %v", instance, err)
		}
	}
}
