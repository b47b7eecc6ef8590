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

// inMemory says whether a volume's options make it one in memory.
func inMemory(options *yaml.Node) bool {
	kind := entryOf(options, "type", 1)
	return kind != nil && followed(kind).Value == "tmpfs"
}
