package jail

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	maxText  = 256 << 10 // bytes of a configuration
	maxDepth = 16
)

// field is one entry of a configuration in the text format of protocol buffers: a value, or a message of further ones.
type field struct {
	name    string
	value   string
	message []field
	line    int
}

// parseText reads a configuration.
func parseText(text string) ([]field, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("the configuration has %d bytes; it may have %d", len(text), maxText)
	}
	p := &parser{text: text, line: 1}
	fields, err := p.message(0, 0)
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", p.line, err)
	}
	return fields, nil
}

type parser struct {
	text string
	pos  int
	line int
}

// blank passes over spaces, comments, and what may stand between fields.
func (p *parser) blank() { p.over(" \t\r,;") }

// over passes over some characters, the ends of lines, and comments.
func (p *parser) over(some string) {
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '\n':
			p.line++
			p.pos++
		case c == '#':
			for p.pos < len(p.text) && p.text[p.pos] != '\n' {
				p.pos++
			}
		case strings.IndexByte(some, c) >= 0:
			p.pos++
		default:
			return
		}
	}
}

func (p *parser) take(c byte) bool {
	p.blank()
	if p.pos < len(p.text) && p.text[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// message reads fields up to what ends them, or the end of the text.
func (p *parser) message(end byte, depth int) ([]field, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("messages are more than %d deep", maxDepth)
	}
	var all []field
	for {
		p.blank()
		if p.pos == len(p.text) && end == 0 || end != 0 && p.take(end) {
			return all, nil
		}
		name := p.word()
		if name == "" {
			return nil, fmt.Errorf("the name of a field is missing before %.10q", p.text[p.pos:])
		}
		more, err := p.values(name, depth)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
}

// values are those of one field: one, or a list of them.
func (p *parser) values(name string, depth int) ([]field, error) {
	colon := p.take(':')
	if !p.take('[') {
		one, err := p.value(name, colon, depth)
		return []field{one}, err
	}
	var all []field
	for !p.take(']') {
		one, err := p.value(name, true, depth)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func (p *parser) value(name string, colon bool, depth int) (field, error) {
	p.blank()
	f := field{name: name, line: p.line}
	var err error
	switch {
	case p.take('{'):
		f.message, err = p.message('}', depth+1)
	case p.take('<'):
		f.message, err = p.message('>', depth+1)
	case !colon:
		err = fmt.Errorf("%s has no value", name)
	case p.pos < len(p.text) && (p.text[p.pos] == '"' || p.text[p.pos] == '\''):
		f.value, err = p.quoted()
	default:
		if f.value = p.word(); f.value == "" {
			err = fmt.Errorf("%s has no value", name)
		}
	}
	return f, err
}

// word is a name, a number, or true and false.
func (p *parser) word() string {
	p.blank()
	from := p.pos
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n,;:{}<>[]\"'#", p.text[p.pos]) < 0 {
		p.pos++
	}
	return p.text[from:p.pos]
}

// quoted are texts in quotes, which belong together if they follow each other.
func (p *parser) quoted() (string, error) {
	var whole strings.Builder
	for p.blank(); p.pos < len(p.text) && (p.text[p.pos] == '"' || p.text[p.pos] == '\''); p.over(" \t\r") {
		quote, from := p.text[p.pos], p.pos+1
		end := from
		for end < len(p.text) && p.text[end] != quote {
			if p.text[end] == '\n' {
				return "", fmt.Errorf("a text has no end")
			}
			if p.text[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(p.text) {
			return "", fmt.Errorf("a text has no end")
		}
		p.pos = end + 1
		for inner := p.text[from:end]; inner != ""; {
			c, _, rest, err := strconv.UnquoteChar(inner, quote)
			if err != nil {
				return "", fmt.Errorf("%q is no text", p.text[from:end])
			}
			whole.WriteRune(c)
			inner = rest
		}
	}
	return whole.String(), nil
}
