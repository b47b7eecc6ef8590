package challenge_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestASolverIsWhatInstanceTomlSaysOrAFileOfTheUsualName(t *testing.T) {
	found := func(command ...string) *whaley.Solver {
		return &whaley.Solver{Service: "web", Command: command, Timeout: 2 * time.Minute}
	}
	for name, c := range map[string]struct {
		toml    string
		files   map[string]os.FileMode
		want    *whaley.Solver
		refused string
	}{
		"nothing":        {},
		"a program":      {files: map[string]os.FileMode{"solve.sh": 0o755}, want: found("./solve.sh")},
		"a script":       {files: map[string]os.FileMode{"solve.py": 0o644}, want: found("python3", "solve.py")},
		"shell is first": {files: map[string]os.FileMode{"solve.py": 0o755, "solve.sh": 0o644}, want: found("sh", "solve.sh")},
		"another image": {
			toml: "[solver]\nimage = \"python:3\"\ntimeout = 30\n", files: map[string]os.FileMode{"solve.py": 0o644},
			want: &whaley.Solver{Image: "python:3", Command: []string{"python3", "solve.py"}, Timeout: 30 * time.Second, Named: true},
		},
		"another command": {
			toml: "[solver]\ncommand = [\"make\", \"solve\"]\nservice = \"web\"\n",
			want: &whaley.Solver{Service: "web", Command: []string{"make", "solve"}, Timeout: 2 * time.Minute, Named: true},
		},
		"a health check": {
			toml: "[solver]\ncommand = [\"./check\"]\nsuccess = \"exit\"\ninside = true\n",
			want: &whaley.Solver{
				Service: "web", Command: []string{"./check"}, Timeout: 2 * time.Minute, Named: true, Health: true, Inside: true,
			},
		},
		"a folder without a Dockerfile": {toml: "[solver]\ncommand = [\"a\"]\nbuild = \".\"\n", refused: "solver.build"},
		"a folder elsewhere":            {toml: "[solver]\ncommand = [\"a\"]\nbuild = \"..\"\n", refused: "solver.build"},
		"built and named":               {toml: "[solver]\ncommand = [\"a\"]\nbuild = \".\"\nimage = \"a\"\n", refused: "leave one out"},
		"a service that is none":        {toml: "[solver]\ncommand = [\"a\"]\nservice = \"db\"\n", refused: "solver.service"},
		"no command":                    {toml: "[solver]\nimage = \"python:3\"\n", refused: "solver.command"},
		"both":                          {toml: "[solver]\ncommand = [\"a\"]\nimage = \"a\"\nservice = \"web\"\n", refused: "leave one out"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "web-login")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			c.files = withMode(c.files)
			for file, mode := range c.files {
				text := map[string]string{
					"instance.toml": "[[routes]]\nservice = \"web\"\nport = 80\n" + c.toml, "compose.yml": "services: {web: {image: busybox}}\n",
				}[file]
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), mode); err != nil {
					t.Fatal(err)
				}
			}
			ch, err := load(t, dir)
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("%v, want %s", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, ch.Solver); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestASolversImageIsBuiltOfItsFolderForEachRevision(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "web-login")
	for name, text := range map[string]string{
		"instance.toml": "[[routes]]\nservice = \"web\"\nport = 80\n[solver]\nbuild = \"check\"\ncommand = [\"/check\"]\n",
		"compose.yml":   "services: {web: {image: busybox}}\n", "check/Dockerfile": "FROM busybox\n",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	ch, err := load(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	s := ch.Solver
	if s.Build == nil || s.Build.Context != filepath.Join(dir, "check") || !strings.HasSuffix(s.Image, ":"+ch.Revision) ||
		!strings.HasPrefix(s.Image, "whaley/web-login-") {
		t.Errorf("%+v of %+v", s, s.Build)
	}
}

func withMode(files map[string]os.FileMode) map[string]os.FileMode {
	all := map[string]os.FileMode{"instance.toml": 0o644, "compose.yml": 0o644}
	for name, mode := range files {
		all[name] = mode
	}
	return all
}
