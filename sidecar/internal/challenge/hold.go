package challenge

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// mostOf is how much there may be of what costs more than the file's text.
var mostOf = map[string]int{
	".volumes": maxVolumes, ".networks": maxVolumes,
	".services.*.volumes": maxMounts, ".services.*.tmpfs": maxMounts, ".services.*.configs": maxMounts,
	".services.*.secrets": maxMounts, ".services.*.volumes_from": maxServices,
	".services.*.env_file": maxMounts,
}

// special looks, where all aliases have been followed, at what the parser would drop without a word, and at what there
// is too much of.
func (r *reading) special(node *yaml.Node, path, place string) {
	if place == ".services.*.image" && r.gone[path] {
		r.dropped[node] = true
		return
	}
	if r.empty(node, path, place) {
		return
	}
	entries := len(node.Content)
	if node.Kind == yaml.MappingNode {
		entries /= 2
	}
	if most, bounded := mostOf[place]; bounded && entries > most {
		r.refuse(node, path, "there are %d; there may be %d", entries, most)
		r.left.nodes = -1
	}
	switch place {
	case ".services.*.ports[]":
		r.port(node, path)
	case ".services.*.env_file":
		for _, e := range envFiles(node, path) {
			e.path = r.fill(e.path)
			r.envs = append(r.envs, e)
		}
	case ".services.*.image":
		r.image(node, path)
	case ".services.*.container_name":
		if called := r.fill(node.Value); !containerForm.MatchString(called) {
			r.drop(node, path, "is left out: %q cannot be a container's name, and Whaley names the containers", called)
		}
	case ".services.*.hostname":
		if called := r.fill(node.Value); !hostName(called) {
			r.drop(node, path, "is left out: %q cannot be a host's name", called)
		}
	case ".services.*.domainname":
		if called := r.fill(node.Value); !hostForm.MatchString(called) {
			r.drop(node, path, "is left out: %q cannot be a domain's name", called)
		}
	case ".services.*.environment[]", ".services.*.build.args[]":
		name, _, _ := strings.Cut(node.Value, "=")
		key := join(listOfItem(path), name)
		r.at.add(key, node.Line)
		r.last(node, key)
	case ".services.*.volumes[]":
		r.volume(node, path)
	case ".services.*.tmpfs[]":
		target, _, _ := strings.Cut(r.fill(node.Value), ":")
		r.once(node, path, listOfItem(path)+" "+target)
	}
	if node.Kind == yaml.ScalarNode {
		if _, err := r.substitute(node.Value); err != nil {
			r.dropped[node] = true // it is refused by variablesOf, and the parser would end there
		}
	}
}

// last notes that a variable is there a second time, whose value then counts.
func (r *reading) last(node *yaml.Node, key string) {
	if r.over > 0 {
		return
	}
	if first, there := r.seen[key]; there {
		r.problems.note(r.file, node.Line, key, "is there twice, first on line %d: the last one counts", first)
	}
	if r.seen[key+"="+node.Value] > 0 {
		r.dropped[node] = true // the parser takes no item twice
	}
	r.seen[key], r.seen[key+"="+node.Value] = node.Line, node.Line
}

// once refuses what is in a list a second time.
func (r *reading) once(node *yaml.Node, path, what string) {
	if r.over > 0 {
		return
	}
	if first, there := r.seen[what]; there {
		r.refuse(node, path, "is there twice, first on line %d; keep one", first)
		return
	}
	r.seen[what] = node.Line
}

// idleOptions of a mount's short form ask for what a mount here does not have.
var idleOptions = map[string]string{
	"z": relabels, "Z": relabels, "U": "the files' own owners count",
	"cached": elsewhere, "delegated": elsewhere, "consistent": elsewhere,
	"private": unspread, "rprivate": unspread, "shared": unspread, "rshared": unspread, "slave": unspread,
	"rslave": unspread,
}

// volume looks at the options of the short form, and refuses a target that is mounted twice.
func (r *reading) volume(node *yaml.Node, path string) {
	target := ""
	switch node.Kind {
	case yaml.ScalarNode:
		parts := strings.Split(r.fill(node.Value), ":")
		if len(parts) > 1 && parts[0] == "" {
			r.sourceless(node, path, parts)
		}
		target = parts[min(1, len(parts)-1)]
		for _, options := range parts[min(2, len(parts)):] {
			for option := range strings.SplitSeq(options, ",") {
				switch why := idleOptions[option]; {
				case slices.Contains([]string{"ro", "rw", "nocopy"}, option):
				case why == "":
					r.refuse(node, path, "the option %q is not supported; it can be ro, rw or nocopy", option)
				case r.over == 0:
					r.problems.note(r.file, node.Line, path, "the option %s is left out: %s", option, why)
				}
			}
		}
	case yaml.MappingNode:
		for n := 0; n+1 < len(node.Content); n += 2 {
			if node.Content[n].Value == "target" {
				target = node.Content[n+1].Value
			}
		}
	}
	if target != "" {
		r.once(node, path, listOfItem(path)+" "+target)
	}
}

// sourceless makes a volume of a mount whose source is a variable that is set nowhere.
func (r *reading) sourceless(node *yaml.Node, path string, parts []string) {
	why := r.missing(node.Value)
	r.gone[path] = true
	if r.over == 0 {
		r.problems.note(r.file, node.Line, path, "%s is an empty volume of each instance: %s", parts[1], why)
	}
	text := func(value string) *yaml.Node {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: strings.ReplaceAll(value, "$", "$$"), Line: node.Line}
	}
	content := []*yaml.Node{text("type"), text("volume"), text("target"), text(parts[1])}
	if slices.Contains(parts[2:], "ro") {
		content = append(
			content, text("read_only"), &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true", Line: node.Line},
		)
	}
	*node = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: content, Line: node.Line}
}

// image takes what is left of an image's name without what its variables, which are set nowhere, were to say.
func (r *reading) image(node *yaml.Node, path string) {
	filled := r.fill(node.Value)
	if left := strings.TrimLeft(strings.TrimRight(filled, ":@"), "/"); left != filled && left != "" && node.Value != filled {
		r.problems.note(r.file, node.Line, path, "is taken as %s", left)
		node.Value = strings.ReplaceAll(left, "$", "$$")
	}
}

// listOfItem is the key of the list that an item is in.
func listOfItem(path string) string { return path[:max(strings.LastIndexByte(path, '['), 0)] }
