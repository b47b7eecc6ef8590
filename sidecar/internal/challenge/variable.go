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

// variablesIn notes variables that are set nowhere, and refuses ours where they are not filled in. It looks at each
// value where it stands: an anchor once, not at every place that uses it.
func (r *reading) variablesIn(node *yaml.Node, path string) {
	if r.gone[path] {
		return
	}
	switch node.Kind {
	case yaml.SequenceNode:
		for n, item := range node.Content {
			r.variablesIn(item, fmt.Sprintf("%s[%d]", path, n))
		}
	case yaml.MappingNode:
		for n := 0; n+1 < len(node.Content); n += 2 {
			r.variablesIn(node.Content[n+1], join(path, node.Content[n].Value))
		}
	case yaml.ScalarNode:
		if strings.Contains(node.Value, "$") {
			r.variablesOf(node, path)
		}
	}
}

func (r *reading) variablesOf(node *yaml.Node, path string) {
	if r.left.work -= effort(node.Value); r.left.work < 0 {
		r.spend(node, tooManyVariables)
	}
	if r.left.spent() {
		return
	}
	_, err := template.SubstituteWithOptions(
		node.Value, func(string) (string, bool) { return "x", true }, template.WithoutLogging,
	)
	if err != nil {
		r.refuse(node, path, "%q is not a valid use of a variable; write $$ for a plain $", node.Value)
		return
	}
	used := template.ExtractVariables(map[string]any{"": node.Value}, template.DefaultPattern)
	for _, name := range slices.Sorted(maps.Keys(used)) {
		ours := slices.Contains(r.variables.own, name)
		parts := strings.Split(path, ".")
		switch {
		case !r.variables.has(name) && used[name].Required && isFlag(name):
			r.refuse(node, path, "$%s is needed, and owners have no flags of their own here; write the flag itself", name)
		case !r.variables.has(name) && used[name].Required:
			r.refuse(node, path, "$%s is needed and set nowhere; set it in .env beside the file", name)
		case !r.variables.has(name) && used[name].DefaultValue == "" && used[name].PresenceValue == "":
			r.problems.note(r.file, node.Line, path, "%s", unset(name))
		case ours && ownPort.MatchString(node.Value): // see ports.go
		case (isFlag(name) || strings.HasPrefix(name, "FLAG_")) && len(parts) > 3 && parts[0] == "services" &&
			parts[2] == "build" && within(parts[3], "args"): // see flagArguments
		case ours && len(parts) > 2 && parts[0] == "services" &&
			!slices.Contains(carriers, strings.SplitN(parts[2], "[", 2)[0]):
			r.refuse(node, path, "Whaley's variables, as $%s, can stand in %s only", name, strings.Join(carriers, ", "))
		}
	}
}

// fill is a text with its variables filled in, or as it is if that cannot be done. Ours, which have no value yet, stay.
// What is filled in counts as text of the file.
func (r *reading) fill(text string) string {
	if filled, err := r.substitute(text); err == nil {
		return filled
	}
	return text
}

func (r *reading) substitute(text string) (string, error) {
	if !strings.Contains(text, "$") {
		return text, nil
	}
	return template.SubstituteWithOptions(text, func(name string) (string, bool) {
		if slices.Contains(r.variables.own, name) {
			return "${" + name + "}", true
		}
		value, there := r.variables.env[name]
		if r.left.text -= len(value); r.left.text < 0 {
			return "", there
		}
		return value, there
	}, template.WithoutLogging)
}

// meantEmpty are the places in which a text without a letter says something.
var meantEmpty = []string{
	".services.*.environment", ".services.*.command", ".services.*.entrypoint", ".services.*.healthcheck.test",
	".services.*.build.args", ".services.*.extends", ".include",
}

// empty leaves out a value that would be a number, a name, a path or the like, had its variables been set. Compose
// would end there; of what they were to say nothing is lost.
func (r *reading) empty(node *yaml.Node, path, place string) bool {
	if node.Kind != yaml.ScalarNode || !strings.Contains(node.Value, "$") ||
		strings.Trim(r.fill(node.Value), ": ") != "" ||
		slices.ContainsFunc(meantEmpty, func(of string) bool { return within(place, of) }) {
		return false
	}
	r.drop(node, path, "is left out: %s", r.missing(node.Value))
	return true
}

// drop leaves out a value with a note that says why.
func (r *reading) drop(node *yaml.Node, path, format string, args ...any) {
	r.dropped[node], r.gone[path] = true, true
	if r.over == 0 {
		r.problems.note(r.file, node.Line, path, format, args...)
	}
}

// missing says why a text is empty.
func (r *reading) missing(text string) string {
	used := template.ExtractVariables(map[string]any{"": text}, template.DefaultPattern)
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if !r.variables.has(name) {
			return fmt.Sprintf("$%s is set nowhere; set it in .env beside the file", name)
		}
	}
	return "its variables are empty"
}

func isFlag(name string) bool { return name == "FLAG" || name == "DYNAMIC_FLAG" }

func unset(name string) string {
	if isFlag(name) {
		return fmt.Sprintf("$%s is empty: owners have no flags of their own here", name)
	}
	return fmt.Sprintf(
		"$%s is set nowhere and so is empty; set it in .env beside the file or as a variable in the panel, or write $$ for a plain $",
		name,
	)
}
