package challenge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// reading is a compose file on its way through the allow-list.
type reading struct {
	file      string
	problems  *Problems
	beside    profiles
	root      *yaml.Node // as it was written
	at        lines
	left      *allowance // of all files together
	broken    bool       // nothing more can be said of it
	part      bool       // of another file, and may have no services
	envs      []envFile
	over      int // depth in what something else wins over
	variables vocabulary
	gone      map[string]bool     // keys that are not passed on: what their variables are does not matter
	images    map[string]string   // services that are built → what the image is called that they name too
	dropped   map[*yaml.Node]bool // values that are not passed on
	services  map[string]int      // their names → the line
	seen      map[string]int      // what may be there once → its line
}

// allowed walks a compose file along the allow-list, tells of everything that is not on it, and notes where all stands.
// Of an extended file only what keep leaves in it is looked at: no more is taken. What it returns beside is the file
// for the parser: aliases and merges followed, without what is refused or left out, so that all else can be told of in
// the same round.
func allowed(
	file, folder string, content []byte, of *sources, variables vocabulary, part bool, keep func(*yaml.Node),
) (*reading, *yaml.Node) {
	problems := of.problems
	r := &reading{
		file: file, problems: problems, beside: profiles{of.dir, folder}, at: lines{}, left: of.left, variables: variables, part: part,
		gone: map[string]bool{}, images: map[string]string{}, dropped: map[*yaml.Node]bool{}, services: map[string]int{}, seen: map[string]int{},
	}
	if line, why := tooMuchYAML(content); why != "" {
		problems.add(file, line, "", "%s", why)
		r.broken = true
		return r, nil
	}
	var document, second yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(content))
	err := nextDocument(documents, &document)
	if err == nil {
		// The parser would put all documents of a file together.
		if next := nextDocument(documents, &second); next == nil {
			problems.add(
				file, max(second.Line, 1), "", "has more than one document: put all into one, or into a file of its own that include names",
			)
			r.broken = true
		} else if !errors.Is(next, io.EOF) {
			err = next
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		said := strings.TrimPrefix(err.Error(), "yaml: ")
		problems.add(file, lineIn(said), "", "is not valid YAML: %s", said)
		r.broken = true
		return r, nil
	}
	if len(document.Content) == 0 {
		problems.add(file, 1, "", "is empty; it needs services")
		r.broken = true
		return r, nil
	}
	if deep := deeper(document.Content[0], maxDepth); deep != nil {
		problems.add(file, deep.Line, "", "its tables and lists are more than %d deep", maxDepth)
		r.broken = true
		return r, nil
	}
	r.root = document.Content[0]
	if first(r.root) {
		problems.note(file, r.root.Line, "", "is of Compose's first form, where services stand at the top: they are taken as if under services")
		r.root = under("services", r.root)
	}
	keep(r.root)
	taken := r.walk(r.root, composeRules, "", "")
	if r.root.Kind == yaml.MappingNode && !r.at.has("services") && !r.at.has("include") && !r.part && !r.left.spent() {
		problems.add(file, 1, "services", "is missing: a challenge has at least one service")
		r.broken = true
	}
	r.broken = r.broken || taken == nil
	return r, taken
}

// nextDocument reads the next document of a file that has anything in it.
func nextDocument(documents *yaml.Decoder, document *yaml.Node) error {
	for {
		*document = yaml.Node{}
		if err := documents.Decode(document); err != nil {
			return err
		}
		if len(document.Content) > 0 && document.Content[0].ShortTag() != "!!null" {
			return nil
		}
	}
}

// first says whether a file is of Compose's first form: all that stands at its top is a service.
func first(root *yaml.Node) bool {
	if root.Kind != yaml.MappingNode || len(root.Content) == 0 {
		return false
	}
	for n := 0; n < len(root.Content); n += 2 {
		service := root.Content[n+1]
		if _, known := composeRules.keys[root.Content[n].Value]; known || service.Kind != yaml.MappingNode {
			return false
		}
		if !slices.ContainsFunc(service.Content, func(key *yaml.Node) bool { return key.Value == "image" || key.Value == "build" }) {
			return false
		}
	}
	return true
}

// under is a table with nothing but another one.
func under(key string, node *yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: node.Line, Column: node.Column, Content: []*yaml.Node{
		{Kind: yaml.ScalarNode, Tag: "!!str", Value: key, Line: node.Line, Column: node.Column}, node,
	}}
}

// lineIn is the line that a text names as "line N", or 1.
func lineIn(said string) int {
	line := 0
	if _, after, found := strings.Cut(said, "line "); found {
		_, _ = fmt.Sscanf(after, "%d", &line) // no number: no line
	}
	return max(line, 1)
}

func (r *reading) refuse(node *yaml.Node, key, format string, args ...any) {
	r.problems.add(r.file, node.Line, key, format, args...)
}

// leave notes that an entry of a table is not passed on.
func (r *reading) leave(key *yaml.Node, path, why string) {
	r.gone[path] = true
	if r.over == 0 {
		r.problems.note(r.file, key.Line, path, "is left out: %s", why)
	}
}

// walk follows a node along its rule, and returns what the parser is to see of it. path is its key; place is the same
// with names as "*", for what is special.
func (r *reading) walk(node *yaml.Node, rule rule, path, place string) *yaml.Node {
	if !r.afford(node) {
		return nil
	}
	if node.Kind == yaml.AliasNode {
		r.left.depth--
		defer func() { r.left.depth++ }()
		return r.walk(node.Alias, rule, path, place)
	}
	if strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!") {
		r.refuse(node, path, "the tag %s is not supported", node.Tag)
		return nil
	}
	if !r.kindIs(node, rule, path) {
		return nil
	}
	if node.Kind == yaml.ScalarNode && strings.Contains(node.Value, "$") {
		if r.fill(node.Value); r.left.text < 0 {
			r.spend(node, "with its variables filled in the file has more than 1 MB of text")
			return nil
		}
	}
	out := &yaml.Node{Kind: node.Kind, Style: node.Style, Tag: node.Tag, Value: node.Value, Line: node.Line}
	if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" {
		out.Value = "null" // within braces nothing would be written as an empty text
	}
	defer r.special(out, path, place)
	r.left.depth--
	defer func() { r.left.depth++ }()
	switch node.Kind {
	case yaml.SequenceNode:
		for n, inner := range node.Content {
			at := item(path, n)
			r.at.add(at, inner.Line)
			if place == ".services.*.security_opt" && (ofBrowser.MatchString(followed(inner).Value) || r.beside.browsers(followed(inner).Value)) {
				r.drop(inner, at, browserKeptIn)
				continue
			}
			if text := r.pair(followed(inner), place, at); text != nil {
				inner = text
			}
			below := anything
			if rule.item != nil {
				below = *rule.item
			}
			if value := r.walk(inner, below, at, place+"[]"); value != nil && !r.dropped[value] {
				out.Content = append(out.Content, value)
			}
		}
	case yaml.MappingNode:
		if place == ".services.*" && has(node, "build") {
			r.gone[join(path, "image")] = true // what is built is called by us
			r.images[path] = valueOf(node, "image")
		}
		out.Content = r.table(node, rule, path, place, nil)
	}
	return out
}

// bridges are the drivers of networks that do what an instance's own network does: that of a swarm, and Windows's.
var bridges = []string{"overlay", "nat", "l2bridge", "l2tunnel"}

// has says whether a table has a key of its own.
func has(table *yaml.Node, key string) bool { return below(table, key) != nil }

// below is what a table has below a key, nil if it has no such key.
func below(table *yaml.Node, key string) *yaml.Node {
	for n := 0; n+1 < len(table.Content); n += 2 {
		if table.Content[n].Value == key {
			return table.Content[n+1]
		}
	}
	return nil
}

// valueOf is the text that a table has below a key.
func valueOf(table *yaml.Node, key string) string {
	if value := below(table, key); value != nil && value.Kind == yaml.ScalarNode {
		return value.Value
	}
	return ""
}

// anything is what stands where nothing of it is used. Used elsewhere it is looked at there.
var anything = rule{kinds: aText | aNumber | aTruth | aList | aTable | nothing}

// table follows the entries of a table; those in taken are there already and win over what is merged in.
func (r *reading) table(node *yaml.Node, rule rule, path, place string, taken map[string]bool) (out []*yaml.Node) {
	seen := map[string]int{}
	var merged []*yaml.Node
	for n := 0; n+1 < len(node.Content) && !r.left.spent(); n += 2 {
		key, value := node.Content[n], node.Content[n+1]
		if key.Value == "<<" && key.Tag == "!!merge" {
			merged = append(merged, value)
			continue
		}
		if !r.affordKey(key, path) {
			return out
		}
		at := join(path, key.Value)
		if first, twice := seen[key.Value]; twice {
			r.refuse(key, at, "is there twice, first on line %d; keep one", first)
			continue
		}
		seen[key.Value] = key.Line
		r.at.add(at, key.Line)
		over := taken[key.Value] // looked at like all others, but it does not count
		if over {
			r.over++
		}
		if kept := r.entry(key, value, rule, path, place); kept != nil && !over && !r.dropped[kept] {
			name := &yaml.Node{Kind: yaml.ScalarNode, Style: key.Style, Tag: key.Tag, Value: key.Value, Line: key.Line}
			out = append(out, name, kept)
		}
		if over {
			r.over--
		}
	}
	if len(merged) == 0 {
		return out
	}
	if taken == nil {
		taken = map[string]bool{}
	}
	for key := range seen {
		taken[key] = true
	}
	for _, value := range merged {
		out = append(out, r.merge(value, rule, path, place, taken)...)
	}
	return out
}

// entry follows one entry of a table.
func (r *reading) entry(key, value *yaml.Node, rule rule, path, place string) *yaml.Node {
	at, under := join(path, key.Value), place+"."+key.Value
	below, known := rule.keys[key.Value]
	if rule.keys == nil {
		below, known = anything, true
	}
	if !known {
		below, known = rule.keys["*"]
		under = place + ".*"
	}
	switch {
	case strings.HasPrefix(key.Value, "x-") && !named(rule), under == ".version":
		// Extensions are for the author's own use, and of a version the parser would tell the log.
	case !known && place == "" && ofService(key.Value):
		r.leave(key, at, "it belongs to a service, and does nothing at the top of the file")
	case !known:
		r.refuse(
			key, at, "is not a key of the compose specification; %s", suggest(key.Value, slices.Sorted(maps.Keys(rule.keys))),
		)
	case under == ".volumes.*.driver_opts" && inMemory(value):
		r.leave(key, at, ownVolume)
	case below.no == unsupported:
		r.gone[at] = true
		r.refuse(key, at, "is not supported")
	case below.no != "":
		r.gone[at] = true
		r.refuse(key, at, "is not allowed: %s", below.no)
	case below.left != "" && !slices.Contains(below.only, followed(value).Value):
		r.leave(key, at, below.left)
	case isEmpty(value) && (below.kinds&nothing == 0 || strings.Count(under, ".") == 3) && canBeEmpty(under):
		r.leave(key, at, "it is empty")
	case under == ".networks.*.driver" && slices.Contains(bridges, followed(value).Value):
		r.leave(key, at, ownNetwork)
	case under == ".services.*.network_mode" &&
		(followed(value).Value == "none" || strings.HasPrefix(followed(value).Value, types.ServicePrefix)):
		return r.walk(value, text, at, under)
	case under == ".services.*.network_mode":
		if r.walk(value, below, at, under) != nil {
			r.leave(key, at, "an instance has a network of its own")
		}
	case under == ".services.*.image" || under == ".services.*.build":
		if kept := r.walk(value, below, at, under); kept != nil {
			return kept
		}
		// The parser wants one of them, and would say nothing else of the file.
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: ".", Line: value.Line}
	default:
		r.name(key, at, under)
		return r.walk(value, below, at, under)
	}
	return nil
}

// followed is what a node stands for.
func followed(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// named says whether a table's keys are the author's own names.
func named(r rule) bool {
	_, any := r.keys["*"]
	return any
}

// merge walks what a merge key brings in, as if it stood there.
func (r *reading) merge(value *yaml.Node, rule rule, path, place string, taken map[string]bool) (out []*yaml.Node) {
	if !r.afford(value) {
		return nil
	}
	r.left.depth--
	defer func() { r.left.depth++ }()
	switch value.Kind {
	case yaml.AliasNode:
		return r.merge(value.Alias, rule, path, place, taken)
	case yaml.SequenceNode:
		for _, item := range value.Content {
			out = append(out, r.merge(item, rule, path, place, taken)...)
		}
	case yaml.MappingNode:
		out = r.table(value, rule, path, place, taken)
		for n := 0; n+1 < len(value.Content); n += 2 {
			taken[value.Content[n].Value] = true
		}
	default:
		r.refuse(value, path, "<< must name tables")
	}
	return out
}

// kindIs refuses a value of another kind, or another value, than its rule has.
func (r *reading) kindIs(node *yaml.Node, rule rule, path string) bool {
	is, called := kindOfNode(node)
	if is&rule.kinds == 0 {
		r.refuse(node, path, "must be %s, and is %s", rule.kinds, called)
		return false
	}
	if len(rule.only) > 0 && !slices.Contains(rule.only, node.Value) {
		if rule.why != "" {
			r.refuse(node, path, "%q is not allowed: %s", node.Value, rule.why)
		} else {
			r.refuse(node, path, "%q is not supported; it can be %s only", node.Value, choice(rule.only))
		}
		return false
	}
	return true
}

func kindOfNode(node *yaml.Node) (kind, string) {
	switch node.Kind {
	case yaml.SequenceNode:
		return aList, "a list"
	case yaml.MappingNode:
		return aTable, "a table"
	}
	switch node.ShortTag() {
	case "!!int", "!!float":
		return aNumber, "a number"
	case "!!bool":
		return aTruth, "true or false"
	case "!!null":
		return nothing, "empty"
	}
	return aText, "a text"
}

func (k kind) String() string {
	var all []string
	for _, one := range []struct {
		kind kind
		name string
	}{{aText, "a text"}, {aNumber, "a number"}, {aTruth, "true or false"}, {aList, "a list"}, {aTable, "a table"}} {
		if k&one.kind != 0 {
			all = append(all, one.name)
		}
	}
	return strings.Join(all, " or ")
}
