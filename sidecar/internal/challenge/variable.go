package challenge

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"go.yaml.in/yaml/v4"
)

// carriers are the keys of a service in which a variable of Whaley's can stand: they are filled in for each instance.
var carriers = []string{"command", "entrypoint", "environment", "healthcheck"}

// checkVariables refuses variables that would silently become nothing, and ours where they are not filled in.
func (r *reading) checkVariables(variables []string) {
	if r.root != nil {
		r.variablesIn(r.root, "", variables)
	}
}

// variablesIn looks at each value where it stands: an anchor once, not at every place that uses it.
func (r *reading) variablesIn(node *yaml.Node, path string, variables []string) {
	switch node.Kind {
	case yaml.SequenceNode:
		for n, item := range node.Content {
			r.variablesIn(item, fmt.Sprintf("%s[%d]", path, n), variables)
		}
	case yaml.MappingNode:
		for n := 0; n+1 < len(node.Content); n += 2 {
			key := node.Content[n].Value
			if parts := strings.Split(path, "."); len(parts) == 2 && parts[0] == "services" && key == "ports" {
				continue // see ports.go
			}
			r.variablesIn(node.Content[n+1], join(path, key), variables)
		}
	case yaml.ScalarNode:
		if strings.Contains(node.Value, "$") {
			r.variablesOf(node, path, variables)
		}
	}
}

func (r *reading) variablesOf(node *yaml.Node, path string, variables []string) {
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
		ours := slices.Contains(variables, name)
		parts := strings.Split(path, ".")
		switch {
		case !ours && used[name].DefaultValue == "":
			r.refuse(node, path, "%s", foreign(name, variables))
		case ours && len(parts) > 2 && parts[0] == "services" && !slices.Contains(carriers, strings.SplitN(parts[2], "[", 2)[0]):
			r.refuse(node, path, "Whaley's variables, as $%s, can stand in %s only", name, strings.Join(carriers, ", "))
		}
	}
}

func foreign(name string, variables []string) string {
	if name == "FLAG" || name == "DYNAMIC_FLAG" {
		return fmt.Sprintf("$%s is there only where owners have flags of their own; give a default: ${%s:-…}", name, name)
	}
	return fmt.Sprintf("$%s is none of Whaley's variables (%s); write $$ for a plain $, or give a default: ${%s:-…}", name, strings.Join(variables, ", "), name)
}
