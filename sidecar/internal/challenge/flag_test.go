package challenge_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const builtWeb = "services: {web: {build: .}}"

// flagOf loads a folder with flags of the prefix FLAG.
func flagOf(t *testing.T, toml, compose string, files ...string) *whaley.Challenge {
	t.Helper()
	d := defaults
	d.FlagPrefix = "FLAG"
	ch, err := challenge.Load(context.Background(), folder(t, toml+oneRoute, compose, files...), d)
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// flagNotes are what is noted of flags: file:line and the first words.
func flagNotes(ch *whaley.Challenge) (said []string) {
	for _, n := range ch.Notes {
		said = append(said, fmt.Sprintf("%s:%d: %s", strings.TrimPrefix(n.File, "web-test/"), n.Line, n.Text))
	}
	return said
}

func TestOfSeveralPlaceholdersNoDecoyBecomesAFlag(t *testing.T) {
	for name, c := range map[string]struct {
		toml  string
		files []string
		want  string   // the text that flags take the place of
		notes []string // parts, in their order
	}{
		"one":        {"", []string{"flag.txt", "FLAG{a}"}, "FLAG{a}", nil},
		"one, often": {"", []string{"flag.txt", "FLAG{a}", "app.py", "x = 'FLAG{a}'"}, "FLAG{a}", nil},
		"one that pretends": {
			"", []string{"flag.txt", "FLAG{fake_flag}"}, "FLAG{fake_flag}",
			[]string{"flag.txt:1: FLAG{fake_flag} says that it is none"},
		},
		"beside one that pretends": {
			"", []string{"a.py", "\n'FLAG{this_is_a_decoy}'", "b.py", "'FLAG{b}'"}, "FLAG{b}",
			[]string{"a.py:2: FLAG{this_is_a_decoy} stays as it is: the flag is FLAG{b}"},
		},
		"a flag file among others": {
			"", []string{"a.py", "'FLAG{a}'", "flag.txt", "FLAG{b}"}, "FLAG{b}", []string{"a.py:1: FLAG{a} stays"},
		},
		"two that look alike": {
			"", []string{"a.py", "'FLAG{a}'", "b.py", "'FLAG{b}'"}, "",
			[]string{"a.py:1: FLAG{a} may be the flag, one of 2", "b.py:1: FLAG{b} may be"},
		},
		"two flag files": {
			"", []string{"flag1.txt", "FLAG{a}", "flag_2.txt", "FLAG{b}", "flag.txt", "FLAG{c}"}, "",
			[]string{"flag.txt:1: FLAG{c} may be", "flag_2.txt:1: FLAG{b} may be", "flag1.txt:1: FLAG{a} may be"},
		},
		"named": {
			"[flag]\ntext = \"FLAG{b}\"\n", []string{"flag.txt", "FLAG{a}", "b.py", "'FLAG{b}'"}, "FLAG{b}", nil,
		},
		"decoys named": {
			"[flag]\ndecoys = [\"FLAG{a}\"]\n", []string{"flag.txt", "FLAG{a}", "b.py", "'FLAG{b}'"}, "FLAG{b}", nil,
		},
		"of another shape": {
			"[flag]\ntext = \"ABC+{x.y}\"\n", []string{"app.py", "f\"ABC+{x.y}\""}, "ABC+{x.y}", nil,
		},
		"without braces":            {"[flag]\ntext = \"flag-abc\"\n", []string{"app.py", "flag-abc"}, "flag-abc", nil},
		"apostrophe in a flag file": {"", []string{"flag.txt", "FLAG{it's}\n"}, "FLAG{it's}", nil},
		"apostrophe in code": {
			"", []string{"app.py", "x = 'FLAG{it's}'"}, "",
			[]string{"app.py:1: no owner gets a flag of their own of FLAG{it's}"},
		},
		"another prefix": {
			"", []string{"flag.txt", "csictf{a_b}\n", "style.css", "body{color:red}"}, "",
			[]string{"flag.txt:1: no owner gets a flag of their own of csictf{a_b}"},
		},
		"another case": {
			"", []string{"app.py", "\nx = 'flag{a_b}'"}, "",
			[]string{"app.py:2: no owner gets a flag of their own of flag{a_b}"},
		},
		"only in what tells of it": {"", []string{"README.md", "FLAG{a}"}, "", nil},
		"named and nowhere": {
			"[flag]\ntext = \"FLAG{gone}\"\n", nil, "FLAG{gone}",
			[]string{"instance.toml:2: stands in none of the challenge's files"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ch := flagOf(t, c.toml, builtWeb, c.files...)
			if ch.Flag.Text != c.want || ch.Flag.Dynamic != (c.want != "" && c.want != "FLAG{gone}") ||
				ch.Services[0].Build.Flag != ch.Flag.Dynamic {
				t.Errorf("%+v", ch.Flag)
			}
			said := flagNotes(ch)
			if len(said) != len(c.notes) {
				t.Fatalf("%q", said)
			}
			for _, want := range c.notes {
				if !slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, want) }) {
					t.Errorf("not said: %s in %q", want, said)
				}
			}
		})
	}
}

func TestEachPartIsAFlagOfItsOwn(t *testing.T) {
	ch := flagOf(t, `[flag]
decoys = ["FLAG{decoy}", "xFLAG{a}x"]
[[flags]]
text = "FLAG{a}"
[[flags]]
text = "second"
name = "The Safe"
ctfd = 12
[[flags]]
text = "third"
ctfd = "Bank 3"
[[flags]]
text = "nowhere"
`, `services:
  web:
    build: {context: ., args: {S: "${FLAG_THE_SAFE}"}}
    environment: {A: "FLAG{a} second", B: "$FLAG_3 xFLAG{a}x"}
    volumes: ["./data:/data:ro"]
`, "data/a", "FLAG{a}", "data/b", "third", "data/c", "FLAG{decoy} xFLAG{a}x")
	var got []whaley.FlagForm
	for _, f := range ch.Flag.Forms() {
		if len(f.Core) != 16 {
			t.Errorf("%+v", f)
		}
		f.Core = ""
		got = append(got, f)
	}
	want := []whaley.FlagForm{
		{Open: "FLAG{", Close: "}", Text: "FLAG{a}", Literal: true, Elsewhere: true},
		{
			Part: "The Safe", Name: "The Safe", Open: "FLAG{", Close: "}", Text: "second", Literal: true, Elsewhere: true,
			Scoreboard: whaley.ScoreboardName{ID: 12},
		},
		{
			Part: "3", Open: "FLAG{", Close: "}", Text: "third", Literal: true, Elsewhere: true,
			Scoreboard: whaley.ScoreboardName{Name: "Bank 3"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	s := ch.Services[0]
	env := []string{
		"A=" + whaley.Token("FLAG") + " " + whaley.Token("FLAG_THE_SAFE"), "B=" + whaley.Token("FLAG_3") + " xFLAG{a}x",
	}
	if diff := cmp.Diff(env, s.Environment); diff != "" || s.Build.Args["S"] != "second" ||
		!slices.Equal(s.Mounts[0].Flags, []string{"a", "b"}) {
		t.Error(diff, s.Build, s.Mounts)
	}
	if said := flagNotes(ch); len(said) != 1 || !strings.HasPrefix(said[0], "instance.toml:13: stands in none") {
		t.Errorf("%q", said)
	}
	for toml, why := range map[string]string{
		"[[flags]]\nname = \"x\"\n":                                                      "flags[0].text",
		"[[flags]]\ntext = \"a\"\n[[flags]]\ntext = \"a\"\n":                             "is the text of flags[0].text already",
		"[flag]\ndecoys = [\"a\"]\n[[flags]]\ntext = \"a\"\n":                            "one of the decoys too",
		"[[flags]]\ntext = \"a\"\nname = \"3\"\n[[flags]]\ntext = \"b\"\nname = \"3\"\n": "FLAG_3",
		"[flag]\nctfd = 1.5\n":                                                           "whole number or a text",
		"[flag]\nformat = \"FLAG{}\"\n":                                                  "must have …",
		"[flag]\nformat = \"flag…\"\n":                                                   "must have a sign",
	} {
		d := defaults
		d.FlagPrefix = "FLAG"
		if _, err := challenge.Load(t.Context(), folder(t, toml+oneRoute, builtWeb), d); err == nil ||
			!strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", toml, err)
		}
	}
}

func TestFlagsMayHaveAnyShape(t *testing.T) {
	for name, c := range map[string]struct {
		format string
		files  []string
		want   string // the text that flags take the place of
		flag   string // of digits 0…
	}{
		"a hyphen": {"flag-{…}", []string{"a.py", "x = 'flag-{a_b}'"}, "flag-{a_b}", "flag-{a_b_0}"},
		"a plus":   {"ABC+{...}", []string{"a.py", "x = 'ABC+{a b}'"}, "ABC+{a b}", "ABC+{a b_0}"},
		"dots":     {"f.l.a.g{...}", []string{"a.py", "'f.l.a.g{q}'"}, "f.l.a.g{q}", "f.l.a.g{q_0}"},
		"round":    {"flag(…)", []string{"a.py", "'flag(q)'"}, "flag(q)", "flag(q_0)"},
		"no end": {
			"flag_…", []string{"flag.txt", "flag_of-me\n", "a.py", "flag_path = read('flag.txt')"}, "flag_of-me", "flag_of-me_0",
		},
		"no end, a value": {
			"flag_…", []string{".env", "FLAG=flag_of_me\n", "a.py", "flag_path = flag_other"}, "flag_of_me", "flag_of_me_0",
		},
		"an apostrophe":    {"", []string{".env", "FLAG=FLAG{it's}\n"}, "FLAG{it's}", "FLAG{it's_0}"},
		"quotes in YAML":   {"", []string{"app.yml", "a:\n  flag: 'FLAG{\"x\"}'\n"}, `FLAG{"x"}`, `FLAG{"x"_0}`},
		"a backslash":      {"", []string{"secret.txt", `FLAG{a\b}`}, `FLAG{a\b}`, `FLAG{a\b_0}`},
		"escaped in JSON":  {"", []string{"app.json", `{"flag": "FLAG{a\\b}"}`}, "", ""},
		"behind an escape": {"", []string{"main.c", `puts("here:\nFLAG{q}\n");`}, "FLAG{q}", "FLAG{q_0}"},
		"within a word":    {"", []string{"main.c", `puts("MYFLAG{q}");`}, "", ""},
	} {
		toml := ""
		if c.format != "" {
			toml = "[flag]\nformat = \"" + c.format + "\"\n"
		}
		ch := flagOf(t, toml, builtWeb, c.files...)
		if ch.Flag.Text != c.want || ch.Flag.Dynamic != (c.want != "") {
			t.Errorf("%s: %+v %q", name, ch.Flag, flagNotes(ch))
		}
		if got := ch.Flag.Flag("0"); c.want != "" && got != c.flag {
			t.Errorf("%s: %s", name, got)
		}
	}
	d := defaults
	d.FlagPrefix, d.FlagFormat = "FLAG", "evt+[…]"
	ch, err := challenge.Load(t.Context(), folder(t, oneRoute, builtWeb, "flag.txt", "evt+[a]"), d)
	if err != nil || ch.Flag.Text != "evt+[a]" || ch.Flag.Flag("0") != "evt+[a_0]" {
		t.Errorf("the event's: %+v %v", ch, err)
	}
}

func TestOnlyTheFlagsPlacesAreMarked(t *testing.T) {
	ch := flagOf(t, "", `services:
  web:
    build: {context: ., args: {A: "FLAG{fake}"}}
    environment: {REAL: "x FLAG{real}", OTHER: "FLAG{fake}"}
    volumes: ["./data:/data:ro"]
  db:
    image: busybox:1.36
    command: "echo FLAG{fake}"
    volumes: ["./seed:/seed:ro"]
`, "data/a", "FLAG{real}", "data/b", "FLAG{fake}", "seed/c", "FLAG{fake}")
	if ch.Flag.Text != "FLAG{real}" || !ch.Flag.Dynamic || !ch.Flag.Elsewhere {
		t.Fatalf("%+v", ch.Flag)
	}
	for _, s := range ch.Services {
		switch s.Name {
		case "web":
			if want := []string{"OTHER=FLAG{fake}", "REAL=x " + whaley.Token("FLAG")}; !slices.Equal(s.Environment, want) ||
				!slices.Equal(s.Mounts[0].Flags, []string{"a"}) || s.Build.Args["A"] != "FLAG{fake}" || !s.Build.Flag {
				t.Errorf("%q %q %+v", s.Environment, s.Mounts[0].Flags, s.Build)
			}
		case "db":
			if len(s.Mounts[0].Flags) > 0 || !strings.Contains(strings.Join(s.Command, " "), "FLAG{fake}") {
				t.Errorf("%+v", s)
			}
		}
	}
}

// $FLAG in a build argument is the owner's flag like everywhere else: what the image is built with is a placeholder.
func TestABuildArgumentCanBeTheOwnersFlag(t *testing.T) {
	d := defaults
	d.FlagPrefix = "FLAG"
	for name, c := range map[string]struct{ toml, args, file, text, argument string }{
		"alone":            {"", `{A: "${FLAG}"}`, "", "FLAG{flag_of_the_owner}", "FLAG{flag_of_the_owner}"},
		"a list":           {"", `["A=x $FLAG"]`, "", "FLAG{flag_of_the_owner}", "x FLAG{flag_of_the_owner}"},
		"beside the same":  {"", `{A: "${FLAG}"}`, "FLAG{of_the_files}", "FLAG{of_the_files}", "FLAG{of_the_files}"},
		"by its name":      {"[flag]\ntext = \"abc'd\"\n", `{A: "${DYNAMIC_FLAG}"}`, "", "abc'd", "abc'd"},
		"with its default": {"", `{A: "${FLAG:-FLAG{of_the_default}}"}`, "", "FLAG{of_the_default}", "FLAG{of_the_default}"},
		"a placeholder":    {"", `{A: "FLAG{a_placeholder}"}`, "", "FLAG{a_placeholder}", "FLAG{a_placeholder}"},
	} {
		dir := folder(t, oneRoute+c.toml, "services:\n  web: {build: {context: ., args: "+c.args+"}}\n", "flag.txt", c.file)
		ch, err := challenge.Load(t.Context(), dir, d)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if b := ch.Services[0].Build; ch.Flag.Text != c.text || b.Args["A"] != c.argument || !b.Flag || !ch.Flag.Dynamic {
			t.Errorf("%s: %+v %+v", name, ch.Flag, b)
		}
	}
}

func TestEveryChallengeWithoutAFlagIsNamed(t *testing.T) {
	d := defaults
	d.FlagPrefix = "FLAG"
	for name, c := range map[string]struct {
		toml string
		file []string
		want string
	}{
		"nothing": {"", nil, "/instance.toml:1: flag: note: no file holds a flag like FLAG{…}"},
		"another prefix": {
			"", []string{"flag.txt", "x\ncsictf{a_b}"},
			"/flag.txt:2: flag: note: no owner gets a flag of their own of csictf{a_b}",
		},
		"only in a text":  {"", []string{"README.md", "FLAG{a}"}, "/instance.toml:1: flag: note: no file holds a flag"},
		"a flag":          {"", []string{"flag.txt", "FLAG{a}"}, ""},
		"meant to be so":  {"disable_dynamic_flags = true\n", nil, ""},
		"without a place": {"[flag]\nplace = \"none\"\n", nil, ""},
		"by a variable":   {"[flag]\nplace = \"env\"\n", nil, ""},
	} {
		dir := folder(t, c.toml+oneRoute, builtWeb, c.file...)
		library := challenge.NewLibrary(filepath.Dir(dir), d)
		if problems, err := library.Reload(t.Context()); err != nil || len(problems) > 0 {
			t.Fatal(problems, err)
		}
		var said []string
		for _, e := range library.Entries() {
			for _, n := range e.Notes {
				said = append(said, n.String())
			}
		}
		if c.want == "" && len(said) > 0 || c.want != "" && (len(said) != 1 || !strings.Contains(said[0], c.want)) {
			t.Errorf("%s: %q", name, said)
		}
	}
}
