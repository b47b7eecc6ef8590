package sentinel

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"strings"
	"unicode/utf16"
)

const (
	maxInner = 200 // bytes between a placeholder's braces
	// MaxText is how many bytes the largest file has that is taken for text.
	MaxText = 64 << 20
)

// Finder looks for placeholders in text, in exactly this case.
type Finder struct {
	open    []byte
	end     []byte // empty: a placeholder ends with its word
	only    string // nothing else; empty: all
	literal bool   // only, wherever it stands
	decoy   bool   // it is none
}

// NewFinder makes one of all placeholders that begin and end like this: "FLAG{" and "}", or "flag_" and nothing.
func NewFinder(open, end string) Finder { return Finder{open: []byte(open), end: []byte(end)} }

// Only makes one of a single placeholder.
func (f Finder) Only(text string) Finder { return Finder{open: f.open, end: f.end, only: text} }

// Literal makes one of a text that may look like anything, and counts wherever it stands.
func Literal(text string) Finder { return Finder{only: text, literal: true} }

// Decoy makes one that finds nothing; but of the text nothing is found, nor replaced, by others.
func Decoy(text string) Finder { return Finder{only: text, literal: true, decoy: true} }

// spans are where placeholders begin and end.
func (f Finder) spans(text []byte) (spans [][2]int) {
	if f.literal {
		return f.occurrences(text)
	}
	for at := 0; len(f.open) > 0; {
		n := bytes.Index(text[at:], f.open)
		if n < 0 {
			return spans
		}
		start := at + n
		at = start + len(f.open)
		size := f.inner(text, start, text[at:min(len(text), at+maxInner+1)])
		if size < 1 || isWord(f.open[0]) && inWord(text[:start]) || f.isCode(text, start, string(text[at:at+size])) {
			continue
		}
		at += size + len(f.end)
		if f.only == "" || string(text[start:at]) == f.only {
			spans = append(spans, [2]int{start, at})
		}
	}
	return spans
}

// inner is how many bytes a placeholder that begins at start has before its end; 0: it is none.
func (f Finder) inner(text []byte, start int, rest []byte) int {
	if len(f.end) > 0 {
		end := bytes.Index(rest, f.end)
		if line := bytes.IndexAny(rest, "\r\n"); line >= 0 && line < end {
			return 0
		}
		return max(0, end)
	}
	end := bytes.IndexFunc(
		rest, func(r rune) bool { return r > 127 || !isWord(byte(r)) && !strings.ContainsRune("-.+!?@", r) },
	)
	if end < 0 {
		end = len(rest)
	}
	if end < 3 || end > maxInner || !alone(text[:start], rest[end:]) {
		return 0
	}
	return end
}

// alone says whether a word is all that there is between quotes or on a line, or all that a variable of a line is set
// to:
// without an end of its own anything else may be a name in a program.
func alone(before, after []byte) bool {
	line := before[bytes.LastIndexAny(before, "\r\n")+1:]
	ended, _, _ := bytes.Cut(after, []byte("\n"))
	if len(line) > 0 && len(ended) > 0 && bytes.IndexByte([]byte("\"'`"), line[len(line)-1]) >= 0 {
		return ended[0] == line[len(line)-1]
	}
	return len(bytes.TrimSpace(ended)) == 0 && variable.Match(line)
}

var variable = regexp.MustCompile(`^[ \t]*(((export|ENV|ARG)[ \t]+)?[A-Za-z_][A-Za-z0-9_]*=)?$`)

// inWord says whether what follows goes on with a word. A letter that makes an escape with its backslash is none:
// "\nFLAG{x}".
func inWord(before []byte) bool {
	n := len(before)
	return n > 0 && isWord(before[n-1]) &&
		(n < 2 || before[n-2] != '\\' || !strings.ContainsRune("nrtbfave0", rune(before[n-1])))
}

func (f Finder) occurrences(text []byte) (spans [][2]int) {
	for at := 0; f.only != ""; {
		n := bytes.Index(text[at:], []byte(f.only))
		if n < 0 {
			break
		}
		spans = append(spans, [2]int{at + n, at + n + len(f.only)})
		at += n + len(f.only)
	}
	return spans
}

// Whole is a text that is one placeholder and nothing else, whatever characters it has.
func (f Finder) Whole(text []byte) (string, bool) {
	plain, _ := decode(text)
	plain = bytes.TrimSpace(plain)
	inner, opened := bytes.CutPrefix(plain, f.open)
	inner, closed := bytes.CutSuffix(inner, f.end)
	if f.literal || len(f.open) == 0 || !opened || !closed || len(f.end) == 0 && bytes.ContainsAny(inner, " \t") ||
		len(inner) > maxInner || bytes.ContainsAny(inner, "\r\n\x00") || hollow(string(inner)) ||
		bytes.HasPrefix(inner, []byte("%")) {
		return "", false
	}
	return string(plain), true
}

// assignment is a line that gives something a value: of .env files, Dockerfiles, YAML, JSON.
var assignment = regexp.MustCompile(
	`(?m)^[ \t]*(?:-[ \t]+)?(?:(?:export|ENV|ARG)[ \t]+)?"?[A-Za-z_][A-Za-z0-9_.-]*"?(?:[ \t]*[:=][ \t]*|[ \t]+)(\S.*?)[ \t]*,?[ \t\r]*$`,
)

// Assigned lists the values of a configuration file that are one placeholder and nothing else, and hold what elsewhere
// would be code: apostrophes, quotes.
func (f Finder) Assigned(text []byte) (found []Found) {
	text, _ = decode(text)
	for _, m := range assignment.FindAllSubmatchIndex(text, -1) {
		value := text[m[2]:m[3]]
		quote := byte(0)
		if n := len(value); n > 2 && value[0] == value[n-1] && (value[0] == '"' || value[0] == '\'') {
			quote, value = value[0], value[1:n-1]
		}
		if quote != 0 && bytes.IndexByte(value, quote) >= 0 || quote != '\'' && bytes.IndexByte(value, '\\') >= 0 {
			continue // what the program reads is another text
		}
		if whole, is := f.Whole(value); is && len(found) < maxAssigned {
			found = append(found, Found{whole, 1 + bytes.Count(text[:m[2]], []byte("\n"))})
		}
	}
	return found
}

const maxAssigned = 20

// shaped is what flags of many events look like: all of a line, of a prefix and something in braces.
var shaped = regexp.MustCompile(`(?m)^[ \t]*([A-Za-z][A-Za-z0-9_+.-]{1,30}\{[^{}\r\n]{3,150}\})[ \t\r]*$`)

// Similar is the first text that looks like a flag and is none of the placeholders: in a flag file a line that has the
// shape of one, anywhere the prefix in upper and lower case otherwise than it should be. Without one it is empty.
func (f Finder) Similar(text []byte, flagFile bool) Found {
	if f.literal {
		return Found{}
	}
	plain, _ := decode(text)
	if flagFile {
		if m := shaped.FindSubmatchIndex(plain); m != nil && !bytes.HasPrefix(plain[m[2]:], f.open) {
			return Found{string(plain[m[2]:m[3]]), 1 + bytes.Count(plain[:m[2]], []byte("\n"))}
		}
	}
	if at, text := f.apostrophe(plain); text != "" {
		return Found{text, 1 + bytes.Count(plain[:at], []byte("\n"))}
	}
	lower := Finder{open: bytes.ToLower(f.open), end: bytes.ToLower(f.end)}
	folded := bytes.ToLower(plain)
	if len(folded) != len(plain) {
		return Found{} // what stands where is not known
	}
	for _, s := range lower.spans(folded) {
		if !bytes.HasPrefix(plain[s[0]:], f.open) {
			return Found{string(plain[s[0]:s[1]]), 1 + bytes.Count(plain[:s[0]], []byte("\n"))}
		}
	}
	return Found{}
}

// contraction is an apostrophe as people write it, which elsewhere would end a text.
var contraction = regexp.MustCompile(`[A-Za-z]\\?'[a-z]`)

// apostrophe is the first placeholder of a program that was taken for code because of its apostrophe, and where it is.
func (f Finder) apostrophe(text []byte) (at int, found string) {
	for at < len(text) && len(f.open) > 0 && len(f.end) > 0 {
		n := bytes.Index(text[at:], f.open)
		if n < 0 {
			break
		}
		at += n
		rest := text[at+len(f.open) : min(len(text), at+len(f.open)+maxInner)]
		size := f.inner(text, at, rest)
		if inner := rest[:size]; size > 0 && contraction.Match(inner) && !bytes.ContainsAny(inner, "{\"`+$") {
			return at, string(f.open) + string(inner) + string(f.end)
		}
		at += len(f.open)
	}
	return 0, ""
}

// hollow says that there is nothing between a placeholder's braces but what shows how flags look.
func hollow(inner string) bool { return strings.Trim(inner, ".*_-?…<>xX ") == "" }

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// class is a class of characters of a regular expression.
var class = regexp.MustCompile(`\[(\^|[^\]]-)[^\]]*\]`)

// isCode says that what looks like a placeholder makes or describes flags: "FLAG{" + x + "}", f"FLAG{x}", FLAG{%s},
// FLAG{[0-9a-f]+}, FLAG{...}.
func (f Finder) isCode(text []byte, start int, inner string) bool {
	switch {
	case strings.ContainsAny(inner, "{\"'`\\"):
		return true
	case hollow(inner): // FLAG{...}, FLAG{***}, FLAG{xxxx}: what flags look like
		return true
	case strings.Contains(inner, ".*"), strings.Contains(inner, ".+"), class.MatchString(inner):
		return true
	case inner[0] == ':' || inner[0] == '%' && len(inner) <= 5 ||
		len(inner) <= 2 && strings.Trim(inner, "0123456789") == "":
		return true
	}
	return inFormat(text[:start])
}

// inFormat says whether what follows stands in a string whose braces hold expressions: f"…", rf"…", $"…".
func inFormat(before []byte) bool {
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	quote := bytes.LastIndexAny(line, "\"'")
	if quote < 0 {
		return false
	}
	head := bytes.TrimRight(line[:quote], "\"'")
	n := len(head)
	for n > 0 && strings.IndexByte("fFrRbB$@", head[n-1]) >= 0 {
		n--
	}
	return bytes.ContainsAny(head[n:], "fF$") && (n == 0 || !isWord(head[n-1]))
}

// Found is a placeholder and the line on which it stands first.
type Found struct {
	Text string
	Line int
}

// Find lists the different placeholders of a text in their order.
func (f Finder) Find(text []byte) []Found { return Find(text, []Finder{f}) }

// Replace puts another text in the place of every placeholder and says of how many.
func (f Finder) Replace(text []byte, with string) ([]byte, int) {
	return Replace(text, []Swap{{f, with}})
}

// IsText says whether a file's content is text of any kind: no zero byte, or UTF-16 that says so at its beginning.
func IsText(content []byte) bool { return order(content) != nil || bytes.IndexByte(content, 0) < 0 }

// Plain is a text in UTF-8: of UTF-16 that says so at its beginning, as editors and shells of Windows write it. The
// mark at the beginning is not part of it.
func Plain(content []byte) []byte {
	text, _ := decode(content)
	return bytes.TrimPrefix(text, []byte("\ufeff"))
}

// order is the byte order of UTF-16, nil for other text.
func order(text []byte) binary.ByteOrder {
	switch {
	case len(text)%2 != 0:
	case bytes.HasPrefix(text, []byte{0xff, 0xfe}):
		return binary.LittleEndian
	case bytes.HasPrefix(text, []byte{0xfe, 0xff}):
		return binary.BigEndian
	}
	return nil
}

func decode(text []byte) ([]byte, binary.ByteOrder) {
	wide := order(text)
	if wide == nil {
		return text, nil
	}
	units := make([]uint16, len(text)/2)
	for n := range units {
		units[n] = wide.Uint16(text[2*n:])
	}
	return []byte(string(utf16.Decode(units))), wide
}

func encode(text []byte, wide binary.ByteOrder) []byte {
	if wide == nil {
		return text
	}
	units := utf16.Encode([]rune(string(text)))
	out := make([]byte, 2*len(units))
	for n, u := range units {
		wide.PutUint16(out[2*n:], u)
	}
	return out
}
