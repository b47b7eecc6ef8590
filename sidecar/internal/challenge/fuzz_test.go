package challenge_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
)

// held checks what holds for any two files, whatever is in them: the loader says yes or says why not, with a place for
// everything, and a challenge that it makes reaches nothing outside its folder.
func held(t *testing.T, dir string) {
	ch, err := load(t, dir)
	if (ch == nil) == (err == nil) {
		t.Fatalf("%+v %v", ch, err)
	}
	if err != nil {
		var problems challenge.Problems
		if !errors.As(err, &problems) || len(problems) == 0 {
			t.Fatalf("%T %v", err, err)
		}
		for _, p := range problems {
			if p.File == "" || p.Text == "" || p.Line < 1 && strings.Contains(p.File, "/") {
				t.Errorf("a problem without a place: %+v", p)
			}
		}
		if strings.Contains(err.Error(), secretOfTheProcess) {
			t.Errorf("the process's environment is in %v", err)
		}
		return
	}
	for _, s := range ch.Services {
		if strings.Contains(strings.Join(s.Environment, "\n")+s.Image+strings.Join(s.Command, " "), secretOfTheProcess) {
			t.Errorf("the process's environment is in %+v", s)
		}
		for _, m := range s.Mounts {
			if relative, err := filepath.Rel(dir, m.Source); !m.Volume && (err != nil || !filepath.IsLocal(relative)) {
				t.Errorf("%s is mounted from outside", m.Source)
			}
		}
		if s.Build != nil {
			if relative, err := filepath.Rel(dir, s.Build.Context); err != nil || !filepath.IsLocal(relative) {
				t.Errorf("%s is built from outside", s.Build.Context)
			}
		}
		for _, c := range s.Capabilities {
			if c == "SYS_ADMIN" || c == "ALL" || c == "NET_ADMIN" {
				t.Errorf("it gets %s", c)
			}
		}
	}
	if total := challenge.LimitsOf(ch); total.MemoryBytes > defaults.Limits.MemoryBytes && len(ch.Services) < 13 ||
		total.MemoryBytes <= 0 || total.NanoCPUs <= 0 || total.Pids <= 0 {
		t.Errorf("limits %+v", total)
	}
}

const secretOfTheProcess = "hunter2hunter2"

func fuzzed(f *testing.F) (put func(t *testing.T, name, text string), dir string) {
	f.Setenv("ADMIN_KEY", secretOfTheProcess)
	dir = filepath.Join(f.TempDir(), "web-test")
	put = func(t *testing.T, name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(dir, os.DirFS(folder(f, oneRoute, oneService, "file", "x", "passed.env", "KEY=${ADMIN_KEY}\n"))); err != nil {
		f.Fatal(err)
	}
	if err := os.Symlink("/etc", filepath.Join(dir, "link")); err != nil {
		f.Fatal(err)
	}
	return put, dir
}

func FuzzDefinition(f *testing.F) {
	put, dir := fuzzed(f)
	for _, c := range wrongDefinitions {
		f.Add(c.toml)
	}
	f.Add(oneRoute)
	f.Fuzz(func(t *testing.T, text string) {
		put(t, "instance.toml", text)
		held(t, dir)
	})
}

func FuzzCompose(f *testing.F) {
	put, dir := fuzzed(f)
	for _, pattern := range []string{"testdata/hostile/*.yaml", "testdata/honest/*/*compose.y*ml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatal(pattern, err)
		}
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
	f.Add(
		"include: [{path: [compose.yaml], project_directory: ., env_file: .env}]\nservices: {web: {extends: {file: Dockerfile, service: a}}}\n",
	)
	f.Add(
		"services:\n  web: {image: x, extends: a}\n  a: {extends: {file: ./compose.yaml, service: b}}\n  b: {command: [\"$$A ${B:-c}\"]}\n",
	)
	f.Fuzz(func(t *testing.T, text string) {
		put(t, "compose.yaml", text)
		held(t, dir)
	})
}

func FuzzEnvironmentFile(f *testing.F) {
	put, dir := fuzzed(f)
	f.Add("A=b\nB=${A}$A\nexport C='x'\nD=\"a\\nb ${A:-x}\"\nADMIN_KEY\n")
	f.Add(doubling(4))
	f.Fuzz(func(t *testing.T, text string) {
		put(t, "compose.yaml", "services:\n  web:\n    build: .\n    env_file: passed.env\n")
		put(t, "passed.env", text)
		held(t, dir)
	})
}

func FuzzDockerfile(f *testing.F) {
	put, dir := fuzzed(f)
	f.Add("FROM x\nRUN a \\\n b\n", "*.md\n!README.md\n")
	f.Add("# escape=`\nFROM x\nADD `\n a b\n", "")
	f.Fuzz(func(t *testing.T, text, ignore string) {
		put(t, "compose.yaml", oneService)
		put(t, ".dockerignore", ignore)
		put(t, "Dockerfile", text)
		held(t, dir)
		// Nothing that comes after an ADD hides it.
		put(t, "Dockerfile", "FROM x\nADD http://127.0.0.1/x /x\n"+text)
		if _, err := load(t, dir); err == nil {
			t.Errorf("the ADD before %q is taken", text)
		}
	})
}
