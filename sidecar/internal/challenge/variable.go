package challenge

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// carriers are the keys of a service in which a variable of Whaley's can stand: they are filled in for each instance.
var carriers = []string{"command", "entrypoint", "environment", "healthcheck"}

// vocabulary is what a compose file may interpolate: Whaley's own variables, and those of the .env beside it.
type vocabulary struct {
	own []string
	env types.Mapping
}

func (v vocabulary) has(name string) bool {
	_, there := v.env[name]
	return there || slices.Contains(v.own, name)
}

// checkVariables notes variables that are set nowhere, and refuses ours where they are not filled in.
func (r *reading) checkVariables(own []string, env types.Mapping) {
	r.variablesIn(r.root, "", vocabulary{own, env})
}

// variablesIn looks at each value where it stands: an anchor once, not at every place that uses it.
func (r *reading) variablesIn(node *yaml.Node, path string, variables vocabulary) {
	switch node.Kind {
	case yaml.SequenceNode:
		for n, item := range node.Content {
			r.variablesIn(item, fmt.Sprintf("%s[%d]", path, n), variables)
		}
	case yaml.MappingNode:
		for n := 0; n+1 < len(node.Content); n += 2 {
			key := node.Content[n].Value
			r.variablesIn(node.Content[n+1], join(path, key), variables)
		}
	case yaml.ScalarNode:
		if strings.Contains(node.Value, "$") {
			r.variablesOf(node, path, variables)
		}
	}
}

func (r *reading) variablesOf(node *yaml.Node, path string, variables vocabulary) {
	if r.left.work -= effort(node.Value); r.left.work < 0 {
		r.spend(node, tooManyVariables)
	}
	if r.left.spent() {
		return
	}
	_, err := template.SubstituteWithOptions(node.Value, func(string) (string, bool) { return "x", true }, template.WithoutLogging)
	if err != nil {
		r.refuse(node, path, "%q is no valid use of a variable; write $$ for a plain $", node.Value)
		return
	}
	used := template.ExtractVariables(map[string]any{"": node.Value}, template.DefaultPattern)
	for _, name := range slices.Sorted(maps.Keys(used)) {
		ours := slices.Contains(variables.own, name)
		parts := strings.Split(path, ".")
		switch {
		case !variables.has(name) && used[name].Required:
			r.refuse(node, path, "$%s is needed and set nowhere; set it in .env beside the file", name)
		case !variables.has(name) && used[name].DefaultValue == "":
			r.problems.note(r.file, node.Line, path, "%s", unset(name))
		case ours && ownPort.MatchString(node.Value): // see ports.go
		case ours && len(parts) > 2 && parts[0] == "services" && !slices.Contains(carriers, strings.SplitN(parts[2], "[", 2)[0]):
			r.refuse(node, path, "Whaley's variables, as $%s, can stand in %s only", name, strings.Join(carriers, ", "))
		}
	}
}

func unset(name string) string {
	if name == "FLAG" || name == "DYNAMIC_FLAG" {
		return fmt.Sprintf("$%s is empty: owners have no flags of their own here", name)
	}
	return fmt.Sprintf("$%s is set nowhere and so is empty; set it in .env beside the file, or write $$ for a plain $", name)
}
