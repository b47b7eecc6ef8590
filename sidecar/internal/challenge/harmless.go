package challenge

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// ofService says whether a key is one that a service may have with any value.
func ofService(key string) bool {
	rule, known := serviceRules.keys[key]
	return known && rule.no == "" && len(rule.only) == 0
}

func isEmpty(value *yaml.Node) bool {
	node := followed(value)
	return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

// canBeEmpty says whether a key with nothing in it, as is left where an author has commented out its lines, may be
// taken as one that is not there. A service is nothing without what runs, and a variable without a value says
// something.
func canBeEmpty(place string) bool {
	return !slices.Contains(
		[]string{
			".services", ".services.*", ".services.*.image", ".services.*.build", ".services.*.extends",
			".services.*.environment.*", ".services.*.build.args.*",
		},
		place,
	) && (strings.HasPrefix(place, ".services.*.") || strings.Count(place, ".") == 1)
}

// pair is the text that an author meant who has written a variable of a list as a table: - NAME: value. nil: it is none.
func (r *reading) pair(node *yaml.Node, place, at string) *yaml.Node {
	if place != ".services.*.environment" && place != ".services.*.build.args" ||
		node.Kind != yaml.MappingNode || len(node.Content) != 2 {
		return nil
	}
	name, value := node.Content[0], followed(node.Content[1])
	if name.Kind != yaml.ScalarNode || name.Tag == "!!merge" || value.Kind != yaml.ScalarNode {
		return nil
	}
	if r.over == 0 {
		r.problems.note(r.file, node.Line, at, "is taken as %s=…: in a list variables are texts", name.Value)
	}
	text := name.Value + "=" + value.Value
	if isEmpty(value) {
		text = name.Value
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: text, Line: node.Line, Column: node.Column}
}

// inMemory says whether a volume's options make it one in memory.
func inMemory(options *yaml.Node) bool {
	kind := entryOf(options, "type", 1)
	return kind != nil && followed(kind).Value == "tmpfs"
}
