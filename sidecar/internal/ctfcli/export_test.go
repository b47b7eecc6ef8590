package ctfcli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfcli"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const link = "https://whaley.example/go/notes"

// exported puts a file into a folder, exports the challenge notes, and returns what became of it and what is there now.
func exported(t *testing.T, at, text string, replace bool) (ctfcli.Result, string) {
	t.Helper()
	dir := t.TempDir()
	if at != "" {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, at)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, at), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	notes := &whaley.Challenge{
		ID: "notes", Name: "Notes, please", Category: "web", Description: "Read: it's # not \"easy\".\n\nÜ",
	}
	results, err := ctfcli.Export(root, []*whaley.Challenge{notes}, ctfcli.Options{
		Link: func(id string) string { return "https://whaley.example/go/" + id }, Replace: replace,
	})
	if err != nil || len(results) != 1 {
		t.Fatal(results, err)
	}
	now, err := root.ReadFile(results[0].File)
	if err != nil {
		t.Fatal(err)
	}
	return results[0], string(now)
}

func TestWhatIsInAFileStaysByteForByte(t *testing.T) {
	const rest = "# by us\nname: notes please   # as in CTFd\nflags:\n  - flag{static}\nextra:\n  connection_info: nested\n"
	for name, c := range map[string]struct {
		text    string
		replace bool
		outcome ctfcli.Outcome
		want    string
	}{
		"no link":    {rest, false, ctfcli.Linked, rest + "connection_info: \"" + link + "\"\n"},
		"no newline": {strings.TrimSpace(rest), false, ctfcli.Linked, rest + "connection_info: \"" + link + "\"\n"},
		"empty":      {"connection_info:\n" + rest, false, ctfcli.Linked, "connection_info: \"" + link + "\"\n" + rest},
		"null": {
			rest + "connection_info: null\nvalue: 5\n", false, ctfcli.Linked,
			rest + "connection_info: \"" + link + "\"\nvalue: 5\n",
		},
		"there": {
			rest + "connection_info: " + link + "\n", false, ctfcli.Same, rest + "connection_info: " + link + "\n",
		},
		"the author's": {rest + "connection_info: nc host 1\n", false, ctfcli.Own, rest + "connection_info: nc host 1\n"},
		"to be replaced": {
			rest + "connection_info: 'nc host 1' # x\nvalue: 5\n", true, ctfcli.Linked,
			rest + "connection_info: \"" + link + "\"\nvalue: 5\n",
		},
		"lines of dos": {
			"connection_info: \r\nname: notes please\r\n", false, ctfcli.Linked,
			"connection_info: \"" + link + "\"\r\nname: notes please\r\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, now := exported(t, "web/deep/challenge.yml", c.text, c.replace)
			if r.Err != nil || r.Outcome != c.outcome || now != c.want {
				t.Errorf("%+v\n%s\ninstead of\n%s", r, now, c.want)
			}
		})
	}
}

func TestWhatCannotBeWrittenSafelyIsLeftAloneAndSaid(t *testing.T) {
	for name, text := range map[string]string{
		"several lines": "name: notes please\nconnection_info: |\n  nc a 1\n  nc b 2\n",
		"braces":        "{name: notes please, value: 5}\n",
		"folded":        "name: notes please\nconnection_info: nc a\n  1\n",
		"two documents": "name: notes please\n---\nname: b\n",
		"anchor":        "name: notes please\nconnection_info: &a nc\nother: *a\n",
	} {
		t.Run(name, func(t *testing.T) {
			if r, now := exported(t, "notes/challenge.yml", text, true); r.Err == nil || now != text {
				t.Errorf("%+v\n%s", r, now)
			}
		})
	}
	if r, now := exported(t, "notes/challenge.yml", "- a\n- b\n", false); r.Err == nil || now != "- a\n- b\n" {
		t.Errorf("a list: %+v\n%s", r, now)
	}
}

func TestAFileThatIsNotThereIsMadeWithoutFlags(t *testing.T) {
	r, now := exported(t, "other/challenge.yml", "name: Other\n", false)
	if r.Err != nil || r.Outcome != ctfcli.Made || r.File != "notes/challenge.yml" || strings.Contains(now, "flag") ||
		!strings.Contains(now, "connection_info: "+link) {
		t.Errorf("%+v\n%s", r, now)
	}
	again, after := exported(t, r.File, now, false)
	if again.Outcome != ctfcli.Same || after != now {
		t.Errorf("a second time: %+v", again)
	}
}
