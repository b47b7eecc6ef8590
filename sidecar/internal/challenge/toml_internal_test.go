package challenge

import (
	"regexp"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

var indices = regexp.MustCompile(`\[\d+\]`)

// What the parser takes, the index has read to its end, and it knows a line for each of its keys. Otherwise a file
// could get round what the index counts, or a problem would have no place.
func FuzzTheIndexOfADefinitionKnowsWhatTheParserKnows(f *testing.F) {
	for _, text := range []string{
		"a = 1\n[b]\nc.d = [1, {e = \"x\"}, [2,\n3]]\n[[f]]\ng = 1\n[[f]]\n[f.h]\n",
		"\ufeffa = '''x\n''''' # y\nb = \"\"\"\\\n \\\" \"\"\"\"\n", "\"a b\" = {c = 1,\n # x\n d = [],}\r\n",
		"'a' . b = 1979-05-27 07:32:00\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		index := indexTOML(strings.TrimPrefix(text, "\ufeff"))
		if index.refused != "" {
			return
		}
		var values map[string]any
		meta, err := toml.Decode(text, &values)
		if err != nil || strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
			return
		}
		if !index.complete() {
			t.Fatalf("the parser takes %q, of which the index reads %q", text, text[:index.pos])
		}
		known := map[string]bool{}
		for key, line := range index.at {
			known[strings.TrimLeft(indices.ReplaceAllString(key, ""), ".")] = true
			if line < 1 || line > strings.Count(text, "\n")+1 {
				t.Errorf("%q is on line %d", key, line)
			}
		}
		for _, key := range meta.Keys() {
			if name := strings.TrimLeft(strings.Join(key, "."), "."); !strings.ContainsAny(text, `\[`) && !known[name] {
				t.Errorf("%q of %q has no place", name, text)
			}
		}
	})
}
