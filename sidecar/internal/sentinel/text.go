package sentinel

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"slices"
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
	only    string // nothing else; empty: all
	literal bool   // only, wherever it stands
}

// NewFinder makes one of all placeholders PREFIX{text}.
func NewFinder(prefix string) Finder { return Finder{open: []byte(prefix + "{")} }

// Only makes one of a single placeholder.
func (f Finder) Only(text string) Finder { return Finder{open: f.open, only: text} }

// Literal makes one of a text that may look like anything, and counts wherever it stands.
func Literal(text string) Finder { return Finder{only: text, literal: true} }

// spans are where placeholders begin and end.
func (f Finder) spans(text []byte) (spans [][2]int) {
	if f.literal {
		return f.occurrences(text)
	}
	for at := 0; ; {
		n := bytes.Index(text[at:], f.open)
		if n < 0 {
			return spans
		}
		start := at + n
		at = start + len(f.open)
		rest := text[at:min(len(text), at+maxInner+1)]
		end := bytes.IndexAny(rest, "}\n\r")
		if end < 1 || rest[end] != '}' || start > 0 && isWord(text[start-1]) {
			continue
		}
		if f.isCode(text, start, string(rest[:end])) {
			continue
		}
		at += end + 1
		if f.only == "" || string(text[start:at]) == f.only {
			spans = append(spans, [2]int{start, at})
		}
	}
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
	inner, closed := bytes.CutSuffix(inner, []byte("}"))
	if f.literal || !opened || !closed || len(inner) > maxInner || bytes.ContainsAny(inner, "\r\n\x00") || hollow(string(inner)) || bytes.HasPrefix(inner, []byte("%")) {
		return "", false
	}
	return string(plain), true
}

// shaped is what flags of many events look like: all of a line, of a prefix and something in braces.
var shaped = regexp.MustCompile(`(?m)^[ \t]*([A-Za-z][A-Za-z0-9_+.-]{1,30}\{[^{}\r\n]{3,150}\})[ \t\r]*$`)

// Similar is the first text that looks like a flag and is none of the placeholders: in a flag file a line that has the shape
// of one, anywhere the prefix in upper and lower case otherwise than it should be. Without one it is empty.
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
	lower := Finder{open: bytes.ToLower(f.open)}
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
	case inner[0] == ':' || inner[0] == '%' && len(inner) <= 5 || len(inner) <= 2 && strings.Trim(inner, "0123456789") == "":
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
func (f Finder) Find(text []byte) (found []Found) {
	text, _ = decode(text)
	line, counted := 1, 0
	for _, s := range f.spans(text) {
		line += bytes.Count(text[counted:s[0]], []byte("\n"))
		counted = s[0]
		p := string(text[s[0]:s[1]])
		if !slices.ContainsFunc(found, func(other Found) bool { return other.Text == p }) {
			found = append(found, Found{p, line})
		}
	}
	return found
}

// Replace puts another text in the place of every placeholder and says of how many.
func (f Finder) Replace(text []byte, with string) ([]byte, int) {
	plain, wide := decode(text)
	spans := f.spans(plain)
	if len(spans) == 0 {
		return text, 0
	}
	out := make([]byte, 0, len(plain)+len(spans)*len(with))
	at := 0
	for _, s := range spans {
		out = append(append(out, plain[at:s[0]]...), with...)
		at = s[1]
	}
	return encode(append(out, plain[at:]...), wide), len(spans)
}

// IsText says whether a file's content is text of any kind: no zero byte, or UTF-16 that says so at its beginning.
func IsText(content []byte) bool { return order(content) != nil || bytes.IndexByte(content, 0) < 0 }

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
