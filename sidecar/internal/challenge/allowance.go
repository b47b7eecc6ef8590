package challenge

import (
	"bytes"
	"regexp"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// allowance is what may still be read of a compose file: aliases can make very much of a little.
type allowance struct {
	nodes, text, depth, work int
}

func newAllowance() *allowance {
	return &allowance{nodes: maxNodes, text: maxText, depth: maxDepth, work: maxWork}
}

// spent says that no more is read: a problem has said why.
func (a *allowance) spent() bool { return a.nodes < 0 }

// afford counts a node. What is too much is told once, where it is reached.
func (r *reading) afford(node *yaml.Node) bool {
	if r.problems.full() {
		r.left.nodes = -1
	}
	if r.left.spent() {
		return false
	}
	r.left.nodes--
	r.left.text -= len(node.Value)
	r.left.work -= effort(node.Value)
	why := ""
	switch {
	case r.left.spent():
		why = "the file is too large or its anchors multiply too much: it has more than 20000 keys and values"
	case r.left.text < 0:
		why = "the file is too large or its anchors multiply too much: it has more than 1 MB of text"
	case r.left.depth < 0:
		why = "its tables and lists are more than 32 deep"
	case r.left.work < 0:
		why = tooManyVariables
	case len(node.Content) > 2*maxItems || node.Kind == yaml.SequenceNode && len(node.Content) > maxItems:
		why = "there are more than 1000 entries"
	default:
		return true
	}
	r.spend(node, why)
	return false
}

const tooManyVariables = "there are too many variables in braces in long texts; put the text into a file"

// spend says why no more is read.
func (r *reading) spend(node *yaml.Node, why string) {
	r.left.nodes = -1
	r.problems.add(r.file, node.Line, "", "%s", why)
}

// affordKey counts a key of a table.
func (r *reading) affordKey(key *yaml.Node, path string) bool {
	if len(key.Value) > maxKey {
		r.refuse(key, path, "a key has %d bytes; it may have %d", len(key.Value), maxKey)
		return false
	}
	return r.afford(key)
}

// effort is what filling in a text's variables costs: each in braces makes all that comes after it be read again.
func effort(text string) int {
	braces, dollars := 0, 0
	for n := range len(text) {
		switch {
		case text[n] == '$':
			dollars++
			continue
		case text[n] == '{' && dollars%2 == 1: // $${ is no variable
			braces++
		}
		dollars = 0
	}
	return braces * len(text)
}

// deeper is the first node below more than so many others, as the file is written.
func deeper(node *yaml.Node, most int) *yaml.Node {
	if most < 0 {
		return node
	}
	for _, inner := range node.Content {
		if found := deeper(inner, most-1); found != nil {
			return found
		}
	}
	return nil
}

// nested is a line, by whatever YAML ends the one before, that begins with too many lists or tables in each other.
var nested = regexp.MustCompile(`(^|[\r\x{85}\x{2028}\x{2029}])[ \t]*([-?:][ \t]+){33}`)

// tooMuchYAML says on which line, and why, a file is not given to YAML's parser, which takes long for what is deep.
func tooMuchYAML(content []byte) (line int, why string) {
	if !utf8.Valid(content) {
		return 1, "is not valid YAML: it must be UTF-8"
	}
	left := maxFlow
	for text := range bytes.Lines(content) {
		line++
		left -= bytes.Count(text, []byte("[")) + bytes.Count(text, []byte("{")) - bytes.Count(text, []byte("${"))
		switch {
		case left < 0:
			return line, "has more than 2000 brackets; put long texts into files of their own"
		case nested.Match(text):
			return line, "its tables and lists are more than 32 deep"
		}
	}
	return 0, ""
}
