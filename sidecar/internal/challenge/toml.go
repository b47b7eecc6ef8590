package challenge

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// parseTOML reads a document into plain values, with the line of every key. Problems are of its syntax only: what it
// says is not looked at.
func parseTOML(file, text string) (map[string]any, lines, Problems) {
	var problems Problems
	at := tomlLines(file, text, &problems)
	values := map[string]any{}
	if err := toml.Unmarshal([]byte(text), &values); err != nil && len(problems) == 0 {
		line, said := 0, strings.TrimPrefix(err.Error(), "toml: ")
		var decode *toml.DecodeError
		if errors.As(err, &decode) {
			line, _ = decode.Position()
		}
		problems.add(file, line, "", "is no valid TOML: %s", said)
	}
	return values, at, problems
}

// tomlLines finds where each key stands, and keys that stand twice, as far as the syntax is right.
func tomlLines(file, text string, problems *Problems) lines {
	at := lines{}
	count := map[string]int{} // arrays of tables → how many
	parser := unstable.Parser{}
	parser.Reset([]byte(text))
	prefix := ""
	for parser.NextExpression() {
		e := parser.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			key, line := keyOf(&parser, e, "", count)
			if e.Kind == unstable.ArrayTable {
				at.add(key, line)
				key, count[key] = fmt.Sprintf("%s[%d]", key, count[key]), count[key]+1
			} else if first, twice := at[key]; twice {
				problems.add(file, line, key, "this table is there already, on line %d; put its keys together", first)
			}
			at.add(key, line)
			prefix = key
		case unstable.KeyValue:
			key, line := keyOf(&parser, e, prefix, count)
			if first, twice := at[key]; twice {
				problems.add(file, line, key, "is there twice, first on line %d; keep one", first)
			}
			at.add(key, line)
			inline(&parser, e.Value(), key, line, at)
		}
	}
	return at
}

// keyOf is the whole key of an expression, and its line.
func keyOf(parser *unstable.Parser, e *unstable.Node, prefix string, count map[string]int) (string, int) {
	line := 0
	key := prefix
	for parts := e.Key(); parts.Next(); {
		if n := count[key]; n > 0 {
			key = fmt.Sprintf("%s[%d]", key, n-1) // a table inside the last of an array
		}
		key = strings.TrimPrefix(key+"."+string(parts.Node().Data), ".")
		if line == 0 {
			line = parser.Shape(parts.Node().Raw).Start.Line
		}
	}
	return key, line
}

// inline notes the keys of inline tables and the items of arrays. Some nodes have no place of their own: those have
// their parent's.
func inline(parser *unstable.Parser, value *unstable.Node, key string, line int, at lines) {
	if value.Raw.Length > 0 {
		line = parser.Shape(value.Raw).Start.Line
	}
	switch value.Kind {
	case unstable.Array:
		n := 0
		for items := value.Children(); items.Next(); {
			if items.Node().Kind == unstable.Comment {
				continue
			}
			item := fmt.Sprintf("%s[%d]", key, n)
			inline(parser, items.Node(), item, line, at)
			n++
		}
	case unstable.InlineTable:
		at.add(key, line)
		for pairs := value.Children(); pairs.Next(); {
			if pairs.Node().Kind != unstable.KeyValue {
				continue
			}
			under, line := keyOf(parser, pairs.Node(), key, nil)
			at.add(under, line)
			inline(parser, pairs.Node().Value(), under, line, at)
		}
	default:
		at.add(key, line)
	}
}

// lines is where keys stand in a file.
type lines map[string]int

func (l lines) add(key string, line int) {
	if _, known := l[key]; !known && line > 0 {
		l[key] = line
	}
}

// of is the line of a key, or of the closest thing around it, or 0.
func (l lines) of(key string) int {
	for key != "" {
		if line, known := l[key]; known {
			return line
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return 0
}

// locate gives the problems of one file that have no line the line of their key; what is about the whole file has
// line 1. Then they are in the order of reading.
func (p Problems) locate(file string, at lines) {
	for n := range p {
		if p[n].File == file && p[n].Line == 0 {
			p[n].Line = max(at.of(p[n].Key), 1)
		}
	}
	slices.SortStableFunc(p, func(a, b Problem) int {
		definition := func(p Problem) bool { return path.Base(p.File) == definitionFile }
		switch {
		case a.File == b.File:
			return cmp.Compare(a.Line, b.Line)
		case definition(a):
			return -1
		case definition(b):
			return 1
		}
		return cmp.Compare(a.File, b.File)
	})
}

// route is the key of something of the nth route.
func route(n int, key string) string { return fmt.Sprintf("routes[%d].%s", n, key) }

// idLine is where a challenge's folder says its id.
func idLine(dir string) int {
	text, err := readLimited(filepath.Join(dir, definitionFile))
	if err != nil {
		return 0
	}
	_, at, _ := parseTOML("", string(text))
	return max(at.of("id"), 1)
}
