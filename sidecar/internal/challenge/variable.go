package challenge

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
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

// envFile is an entry of a service's env_file.
type envFile struct {
	path, key string
	line      int
	required  bool
}

// envFiles are those of a service.
func envFiles(node *yaml.Node, key string) []envFile {
	switch node.Kind {
	case yaml.AliasNode:
		return envFiles(node.Alias, key)
	case yaml.ScalarNode:
		return []envFile{{node.Value, key, node.Line, true}}
	case yaml.SequenceNode:
		var all []envFile
		for n, item := range node.Content {
			all = append(all, envFiles(item, fmt.Sprintf("%s[%d]", key, n))...)
		}
		return all
	case yaml.MappingNode:
		e := envFile{key: key, line: node.Line, required: true}
		for n := 0; n+1 < len(node.Content); n += 2 {
			switch value := node.Content[n+1]; node.Content[n].Value {
			case "path":
				e.path, e.line = value.Value, value.Line
			case "required":
				e.required = value.Value != "false"
			}
		}
		return []envFile{e}
	}
	return nil
}

// checkEnvFiles refuses files outside the challenge before anything opens them, and variables in them that would
// silently become nothing.
func (r *reading) checkEnvFiles(dir string, variables []string) {
	for _, e := range r.envs {
		path, err := inside(dir, filepath.Join(dir, e.path))
		switch {
		case filepath.IsAbs(e.path) || strings.HasPrefix(e.path, "~") || err != nil && !os.IsNotExist(err):
			r.problems.add(r.file, e.line, e.key, "%q must be a file in the challenge's folder", e.path)
			continue
		case err != nil && e.required:
			r.problems.add(r.file, e.line, e.key, "there is no file %q in the challenge's folder", e.path)
			continue
		case err != nil:
			continue
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Type() != 0 || info.Mode()&fs.ModeIrregular != 0 {
			r.problems.add(r.file, e.line, e.key, "%q must be a file in the challenge's folder", e.path)
			continue
		}
		r.variablesOfFile(path, e, variables)
	}
}

func (r *reading) variablesOfFile(path string, e envFile, variables []string) {
	content, err := readLimited(path)
	if err != nil {
		r.problems.add(r.file, e.line, e.key, "%s", err)
		return
	}
	own, err := dotenv.UnmarshalBytesWithLookup(content, func(string) (string, bool) { return "", false })
	if err != nil {
		r.problems.add(r.file, e.line, e.key, "%q cannot be read: %s", e.path, strings.ReplaceAll(err.Error(), path, e.path))
		return
	}
	unknown := map[string]bool{}
	_, err = dotenv.UnmarshalBytesWithLookup(content, func(name string) (string, bool) {
		if _, here := own[name]; !here && !slices.Contains(variables, name) {
			unknown[name] = true
		}
		return "", true
	})
	if err != nil {
		r.problems.add(r.file, e.line, e.key, "%q cannot be read", e.path)
	}
	for _, name := range slices.Sorted(maps.Keys(unknown)) {
		r.problems.add(r.file, e.line, e.key, "in %q, %s", e.path, foreign(name, variables))
	}
}
