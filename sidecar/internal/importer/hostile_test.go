package importer_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/importer"
)

const runs = "FROM debian\nEXPOSE 1337\n"

func imported(t *testing.T, dir string, check bool) (importer.Report, string) {
	t.Helper()
	report, err := importer.Run(t.Context(), []string{dir}, importer.Options{Defaults: standard, Check: check})
	if err != nil {
		t.Fatal(err)
	}
	return report, printed(t, report, dir)
}

func TestLinksLeadNowhere(t *testing.T) {
	outside := plant(
		t, map[string]string{"Dockerfile": runs, "flag": "FLAG{of the host}", "docker-compose.yml": "services: {}\n"},
	)
	dir := plant(
		t,
		map[string]string{"a/Dockerfile": runs, "a/challenge.yaml": "name: a\nauthor: x\nprovide: []\nflag: {file: ./flag}\n"},
	)
	for name, target := range map[string]string{
		"b": outside, "a/flag": filepath.Join(outside, "flag"), "a/around": "..",
		"a/docker-compose.yml": filepath.Join(outside, "docker-compose.yml"),
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	before := contents(t, outside)
	report, text := imported(t, dir, false)
	if len(report.Results) != 1 || report.Results[0].Verdict() == importer.Refused {
		t.Errorf("%d results\n%s", len(report.Results), text)
	}
	if strings.Contains(text, "of the host") {
		t.Errorf("a file outside was read:\n%s", text)
	}
	if !maps.Equal(before, contents(t, outside)) {
		t.Error("something outside has changed")
	}
}

func TestALinkInTheWayOfWhatIsWrittenStays(t *testing.T) {
	for _, name := range []string{"instance.toml", "compose.yaml"} {
		dir := plant(t, map[string]string{"a/Dockerfile": runs})
		target := filepath.Join(t.TempDir(), "planted")
		if err := os.Symlink(target, filepath.Join(dir, "a", name)); err != nil {
			t.Fatal(err)
		}
		report, text := imported(t, dir, false)
		if report.Refused() != 1 || !strings.Contains(text, "write "+name+": file exists") {
			t.Errorf("%s:\n%s", name, text)
		}
		if _, err := os.Lstat(target); !os.IsNotExist(err) {
			t.Errorf("%s: what it leads to was written: %v", name, err)
		}
	}
}

func TestNamesReachNoTerminal(t *testing.T) {
	dir := plant(t, map[string]string{
		"web/a\x1b[2Jb\nrefused: nothing/Dockerfile": runs,
		"web/c/Dockerfile":                           runs,
		"web/c/challenge.yml":                        "name: \"\\e]0;x\\a\"\ncategory: \"\\e[31m\"\nvalue: 1\nflags: [\"FLAG{\\e[2J}\"]\n",
	})
	report, text := imported(t, dir, false)
	if len(report.Results) != 2 || report.Refused() > 0 {
		t.Errorf("%d results\n%q", len(report.Results), text)
	}
	if strings.ContainsAny(text, "\x1b\a") || strings.Contains(text, "\nrefused: nothing") {
		t.Errorf("a name does more than be read: %q", text)
	}
}

func TestWhatIsTooMuchIsLeftOut(t *testing.T) {
	dir := plant(t, map[string]string{
		"big/Dockerfile": runs, "big/challenge.yml": "name: big\ndescription: " + strings.Repeat("x", 1<<19) + "\n",
		"wide/Dockerfile":     runs,
		"wide/challenge.json": `{"name": "wide", "category": "pwn", "flags": [` + strings.Repeat(`"x",`, 30000) + `"y"]}`,
		"nested/Dockerfile":   runs, "nested/challenge.json": `{"name": ` + strings.Repeat(`[`, 50000),
		"yaml/Dockerfile": runs, "yaml/challenge.yml": "name: " + strings.Repeat("[", 50000),
		"toml/Dockerfile": runs, "toml/challenge.toml": "name = " + strings.Repeat("[", 20000),
		"long/Dockerfile": "FROM debian\nRUN " + strings.Repeat("chmod -R ", 20000) + "\nEXPOSE 1337\n",
		strings.Repeat("d/", 40) + "deep/Dockerfile": runs,
	})
	report, text := imported(t, dir, true)
	if len(report.Results) != 6 || report.Refused() > 0 {
		t.Errorf("%d results\n%s", len(report.Results), text)
	}
	for _, want := range []string{
		"challenge.yml is left out: challenge.yml has more than 262144 bytes", "lies in more than 24 folders",
		"6 can be used, 5 of them with notes",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in what is said", want)
		}
	}
	t.Logf("%d bytes of report", len(text))
}

func TestAPipeIsNoFile(t *testing.T) {
	dir := plant(t, map[string]string{"a/Dockerfile": runs})
	for _, name := range []string{"challenge.yml", "docker-compose.yml"} {
		if err := mkfifo(filepath.Join(dir, "a", name)); err != nil {
			t.Fatal(err)
		}
	}
	if report, text := imported(t, dir, true); len(report.Results) != 1 || report.Refused() > 0 {
		t.Error(text)
	}
}

func TestFoldersThatAreNotThereAreTold(t *testing.T) {
	_, err := importer.Run(t.Context(), []string{"/nowhere"}, importer.Options{Defaults: standard})
	if err == nil || !strings.Contains(err.Error(), "import /nowhere: no such file") {
		t.Error(err)
	}
}
