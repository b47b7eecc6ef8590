package challenge

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// parseTOML reads a document into plain values, with the line of every key. Problems are of its syntax and size only:
// what it says is not looked at. What is too large is told before the parser sees it.
func parseTOML(file, text string) (map[string]any, lines, Problems) {
	var problems Problems
	text = strings.TrimPrefix(text, "\ufeff")
	index := indexTOML(text)
	if index.refused != "" {
		problems.add(file, index.line, "", "%s", index.refused)
		return nil, index.at, problems
	}
	values, err := decodeTOML(text[:index.end()])
	switch twice := index.twice; {
	case err == nil && !index.complete():
		problems.add(file, index.line, "", "is not valid TOML: %q is not expected here", index.next())
	case err == nil:
	case twice != nil && twice.Line == err.Position.Line:
		problems.add(file, twice.Line, twice.Key, "%s", twice.Text)
	default:
		problems.add(file, err.Position.Line, "", "is not valid TOML: %s", err.Message)
	}
	return values, index.at, problems
}

// decodeTOML is the parser, whose own faults are the file's problem.
func decodeTOML(text string) (values map[string]any, wrong *toml.ParseError) {
	defer func() {
		if p := recover(); p != nil {
			wrong = &toml.ParseError{Message: fmt.Sprint(p), Position: toml.Position{Line: 1}}
		}
	}()
	_, err := toml.Decode(text, &values)
	if err == nil {
		return values, nil
	}
	if at, ok := err.(toml.ParseError); ok {
		return values, &at
	}
	return values, &toml.ParseError{Message: strings.TrimPrefix(err.Error(), "toml: "), Position: toml.Position{Line: 1}}
}

// tomlIndex finds where the keys of a document stand, which the parser does not tell, and how large it is. It knows of
// TOML what begins and ends things; whether the rest is right is the parser's to say.
type tomlIndex struct {
	text    string
	pos     int
	line    int
	at      lines
	tables  map[string]int // of arrays of tables: how many
	nodes   int
	twice   *Problem // the first key or table that stands twice
	refused string   // why the document is too large; line is where
	broken  bool     // no TOML from pos on
}

func indexTOML(text string) *tomlIndex {
	x := &tomlIndex{text: text, line: 1, at: lines{}, tables: map[string]int{}}
	table := ""
	for x.blank(true); x.pos < len(x.text) && !x.broken; x.blank(true) {
		if x.peek() == '[' {
			table = x.header()
		} else {
			x.pair(table, 1)
		}
		x.blank(false)
		if c := x.peek(); c != 0 && c != '\n' {
			x.broken = true
		}
	}
	return x
}

func (x *tomlIndex) complete() bool { return !x.broken && x.pos >= len(x.text) }

// end is where the line ends to which the index has come: what it has not counted is not parsed.
func (x *tomlIndex) end() int {
	if n := strings.IndexByte(x.text[x.pos:], '\n'); n >= 0 && x.broken {
		return x.pos + n
	}
	return len(x.text)
}

func (x *tomlIndex) next() string {
	return strings.TrimSpace(x.text[x.pos:min(x.end(), x.pos+20)])
}

// header is a [table] or [[one of several]], and the key of what follows.
func (x *tomlIndex) header() string {
	several := x.take("[[")
	if !several {
		x.take("[")
	}
	x.blank(false)
	line := x.line
	key := x.key("", 1)
	x.blank(false)
	if !x.take(map[bool]string{true: "]]", false: "]"}[several]) {
		x.broken = true
	}
	if several {
		x.at.add(key, line)
		x.tables[key]++
		key = item(key, x.tables[key]-1)
	} else if first, twice := x.at[key]; twice {
		x.repeated(key, line, "this table is there already, on line %d; put its keys together", first)
	}
	x.at.add(key, line)
	return key
}

// pair is a key and its value.
func (x *tomlIndex) pair(table string, depth int) {
	line := x.line
	key := x.key(table, depth)
	if x.blank(false); !x.take("=") {
		x.broken = true
		return
	}
	if first, twice := x.at[key]; twice {
		x.repeated(key, line, "is there twice, first on line %d; keep one", first)
	}
	x.at.add(key, line)
	x.blank(false)
	x.value(key, depth)
}

func (x *tomlIndex) repeated(key string, line int, format string, first int) {
	if x.twice == nil {
		x.twice = &Problem{Line: line, Key: key, Text: fmt.Sprintf(format, first)}
	}
}

// key is the whole of a key of a table: what comes after an array of tables is in the last of them.
func (x *tomlIndex) key(table string, depth int) string {
	key := table
	for ; ; depth++ {
		x.count(depth)
		if n := x.tables[key]; n > 0 {
			key = item(key, n-1)
		}
		part := x.name()
		if x.broken {
			return key
		}
		if len(part) > maxKey {
			x.refuse(fmt.Sprintf("a key has %d bytes; it may have %d", len(part), maxKey))
		}
		key = join(key, part)
		x.blank(false)
		if !x.take(".") {
			return key
		}
		x.blank(false)
	}
}

// name is one part of a key, bare or in quotes.
func (x *tomlIndex) name() string {
	from := x.pos
	if c := x.peek(); c == '"' || c == '\'' {
		x.quoted(string(c))
		name := x.text[from:x.pos]
		if plain, err := strconv.Unquote(name); err == nil && c == '"' {
			return plain
		}
		return strings.Trim(name, string(c))
	}
	for x.pos < len(x.text) && !strings.ContainsRune(" \t\r\n.=[]{},#\"'", rune(x.peek())) {
		x.pos++
	}
	x.broken = x.broken || x.pos == from
	return x.text[from:x.pos]
}

// value passes over a value. What is in a list or an inline table has keys too.
func (x *tomlIndex) value(key string, depth int) {
	if x.count(depth); x.broken {
		return
	}
	x.at.add(key, x.line)
	for _, quote := range []string{`"""`, `'''`, `"`, `'`} {
		if strings.HasPrefix(x.text[x.pos:], quote) {
			x.quoted(quote)
			return
		}
	}
	switch {
	case x.take("["):
		for n := 0; x.more("]"); n++ {
			x.value(item(key, n), depth+1)
			x.comma("]")
		}
	case x.take("{"):
		for x.more("}") {
			x.pair(key, depth+1)
			x.comma("}")
		}
	default:
		from := x.pos
		for x.pos < len(x.text) && !strings.ContainsRune(",]}\n#", rune(x.peek())) {
			x.pos++
		}
		x.broken = x.broken || x.pos == from
	}
}

// more says whether a list or an inline table goes on.
func (x *tomlIndex) more(end string) bool {
	x.blank(true)
	x.broken = x.broken || x.pos >= len(x.text)
	return !x.broken && !x.take(end)
}

// comma passes over what stands between two items.
func (x *tomlIndex) comma(end string) {
	x.blank(true)
	if !x.take(",") && !strings.HasPrefix(x.text[x.pos:], end) {
		x.broken = true
	}
}

// quoted passes over a text; only one in three quotes has several lines.
func (x *tomlIndex) quoted(quote string) {
	for x.pos += len(quote); x.pos < len(x.text); x.pos++ {
		switch c := x.peek(); {
		case c == '\\' && quote[0] == '"' && x.pos+1 < len(x.text):
			if x.pos++; x.peek() == '\n' {
				x.line++
			}
		case c == '\n' && len(quote) == 1:
			x.broken = true
			return
		case c == '\n':
			x.line++
		case x.take(quote):
			for n := 0; n < len(quote)-1 && x.peek() == quote[0]; n++ {
				x.pos++ // up to two quotes may stand before the last three
			}
			return
		}
	}
	x.broken = true
}

// blank passes over spaces and a comment, and over lines too if it may.
func (x *tomlIndex) blank(lines bool) {
	for x.pos < len(x.text) {
		switch c := x.text[x.pos]; {
		case c == '#':
			if n := strings.IndexByte(x.text[x.pos:], '\n'); n >= 0 {
				x.pos += n
			} else {
				x.pos = len(x.text)
			}
		case c == '\n' && lines:
			x.line++
			x.pos++
		case c == ' ' || c == '\t' || c == '\r':
			x.pos++
		default:
			return
		}
		if !lines && x.peek() == '\n' {
			return
		}
	}
}

func (x *tomlIndex) peek() byte {
	if x.pos < len(x.text) {
		return x.text[x.pos]
	}
	return 0
}

func (x *tomlIndex) take(token string) bool {
	if !strings.HasPrefix(x.text[x.pos:], token) {
		return false
	}
	x.pos += len(token)
	return true
}

// count is called for each part of a key and each value, and stops what is too large or too deep.
func (x *tomlIndex) count(depth int) {
	x.nodes++
	switch {
	case x.nodes > maxTOML:
		x.refuse(fmt.Sprintf("has more than %d keys and values", maxTOML))
	case depth > maxDepth:
		x.refuse(fmt.Sprintf("its tables and lists are more than %d deep", maxDepth))
	}
}

func (x *tomlIndex) refuse(why string) {
	if x.refused == "" && !x.broken {
		x.refused = why
	}
	x.broken = true
}

// idLine is where a challenge's folder says its id.
func idLine(dir string) int {
	text, err := readText(filepath.Join(dir, definitionFile), maxFile)
	if err != nil {
		return 0
	}
	return max(indexTOML(string(text)).at.of("id"), 1)
}
