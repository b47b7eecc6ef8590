package importer_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/importer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// standard are the defaults that the settings have.
var standard = challenge.Defaults{
	Timeout: time.Hour, Access: whaley.AccessLink, FlagPrefix: "FLAG",
	Limits: whaley.Limits{MemoryBytes: 384 << 20, NanoCPUs: 1e9, Pids: 256},
}

// example is one of testdata's. There, "### name: reason" begins it, "> folder verdict routes [metadata]" is a result,
// "= file text" what a file says afterwards, "% text" what the report says, and "-- path --" begins a file.
type example struct {
	name, reason    string
	results         []string
	files           map[string]string
	written, report []string
}

func examples(t testing.TB) []example {
	t.Helper()
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	var all []example
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		at := ""
		for line := range strings.Lines(string(text)) {
			trimmed := strings.TrimSuffix(line, "\n")
			if title, ok := strings.CutPrefix(trimmed, "### "); ok {
				name, reason, _ := strings.Cut(title, ": ")
				all = append(all, example{name: name, reason: reason, files: map[string]string{}})
				at = ""
				continue
			}
			e := &all[len(all)-1]
			path, isFile := strings.CutPrefix(trimmed, "-- ")
			switch {
			case isFile && strings.HasSuffix(path, " --"):
				at = strings.TrimSuffix(path, " --")
				e.files[at] = ""
			case at != "":
				e.files[at] += line
			case strings.HasPrefix(trimmed, "> "):
				e.results = append(e.results, trimmed[2:])
			case strings.HasPrefix(trimmed, "= "):
				e.written = append(e.written, trimmed[2:])
			case strings.HasPrefix(trimmed, "% "):
				e.report = append(e.report, trimmed[2:])
			default:
				t.Fatalf("%s: %q", name, trimmed)
			}
		}
	}
	return all
}

func plant(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "given")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// said is a result as testdata have it; the metadata's format only if that is wanted.
func said(dir string, r importer.Result, wanted string) string {
	name, err := filepath.Rel(dir, r.Folder)
	if err != nil {
		name = r.Folder
	}
	var routes []string
	for _, way := range r.Routes {
		routes = append(routes, fmt.Sprintf("%s:%d %s", cmpOr(way.Name, way.Service), way.Port, way.Type))
	}
	text := fmt.Sprintf("%s %s %s", name, r.Verdict(), cmpOr(strings.Join(routes, ", "), "-"))
	if with := text + " " + cmpOr(r.Format, "-"); with == wanted {
		return with
	}
	return text
}

func cmpOr(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func printed(t *testing.T, report importer.Report, from string) string {
	t.Helper()
	var out strings.Builder
	if err := report.Print(&out, from); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// contents is every file below a folder, with what it says and when it was changed.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		all[path] = info.Mode().String()
		if info.Mode().IsRegular() {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			all[path] += fmt.Sprint(info.ModTime().UnixNano(), string(text))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestEveryExampleHasItsVerdict imports the corpus: first only looked at, which writes nothing; then imported, which
// changes no file that was there; then once more, which changes nothing at all.
func TestEveryExampleHasItsVerdict(t *testing.T) {
	all := examples(t)
	if len(all) < 60 {
		t.Errorf("there are %d examples", len(all))
	}
	right, of := map[string]int{}, map[string]int{}
	for _, e := range all {
		of[e.reason]++
		if t.Run(e.reason+"/"+e.name, func(t *testing.T) { e.run(t) }) {
			right[e.reason]++
		}
	}
	var table strings.Builder
	total := 0
	for _, reason := range slices.Sorted(maps.Keys(of)) {
		fmt.Fprintf(&table, "%-20s %2d of %2d\n", reason, right[reason], of[reason])
		total += right[reason]
	}
	t.Logf(
		"\n%s%-20s %2d of %2d, %.1f %%", table.String(), "as expected", total, len(all), 100*float64(total)/float64(len(all)),
	)
}

func (e example) run(t *testing.T) {
	dir := plant(t, e.files)
	before := contents(t, dir)
	looked, err := importer.Run(t.Context(), []string{dir}, importer.Options{Defaults: standard, Check: true})
	if err != nil {
		t.Fatal(err)
	}
	if after := contents(t, dir); !maps.Equal(before, after) {
		t.Errorf("--check has changed what is there: %v", changes(before, after))
	}
	report, err := importer.Run(t.Context(), []string{dir}, importer.Options{Defaults: standard})
	if err != nil {
		t.Fatal(err)
	}
	text := printed(t, report, dir)
	if first := printed(t, looked, dir); first != text {
		t.Errorf("--check says\n%s\nand then it is\n%s", first, text)
	}
	var got []string
	for n, r := range report.Results {
		wanted := ""
		if n < len(e.results) {
			wanted = e.results[n]
		}
		got = append(got, said(dir, r, wanted))
	}
	if !slices.Equal(got, e.results) {
		t.Errorf("got  %s\nwant %s\n%s", strings.Join(got, "\n     "), strings.Join(e.results, "\n     "), text)
	}
	for _, want := range e.report {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	for _, w := range e.written {
		at := max(strings.Index(w, ".toml "), strings.Index(w, ".yaml ")) + len(".toml")
		content, err := os.ReadFile(filepath.Join(dir, w[:at]))
		if err != nil || !strings.Contains(string(content), w[at+1:]) {
			t.Errorf("%q is not in %s: %v\n%s", w[at+1:], w[:at], err, content)
		}
	}
	after := contents(t, dir)
	for path, was := range before {
		if !strings.HasPrefix(was, "d") && after[path] != was {
			t.Errorf("%s was changed", path)
		}
	}
	again, err := importer.Run(t.Context(), []string{dir}, importer.Options{Defaults: standard})
	if err != nil {
		t.Fatal(err)
	}
	if twice := contents(t, dir); !maps.Equal(after, twice) {
		t.Errorf("a second import has changed %v", changes(after, twice))
	}
	if report.Refused() != again.Refused() {
		t.Errorf("%d are refused, and a second time %d", report.Refused(), again.Refused())
	}
}

func changes(before, after map[string]string) []string {
	var all []string
	for path := range after {
		if before[path] != after[path] {
			all = append(all, path)
		}
	}
	return all
}
