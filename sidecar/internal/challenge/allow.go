package challenge

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// keys is a part of the allow-list: key → what may be below it. A nil value allows anything that the specification
// does; "*" stands for names that the author chooses.
type keys map[string]any

// supported is every compose key that means something here.
var supported = keys{
	"name":    nil,
	"version": nil,
	"volumes": keys{"*": keys{"driver": nil}},
	"services": keys{"*": keys{
		"image": nil, "command": nil, "entrypoint": nil, "environment": nil, "env_file": nil, "user": nil,
		"working_dir": nil, "hostname": nil, "read_only": nil, "init": nil, "stop_signal": nil, "stop_grace_period": nil,
		"tmpfs": nil, "ulimits": nil, "shm_size": nil, "expose": nil, "restart": nil,
		"build":       keys{"context": nil, "dockerfile": nil, "target": nil, "args": nil},
		"depends_on":  keys{"*": keys{"condition": nil}},
		"healthcheck": nil,
		"volumes":     nil,
	}},
}

// reasons say more than that a key is not supported.
var reasons = map[string]string{
	"privileged":     "would give the container the host",
	"devices":        "would give the container the host's devices",
	"pid":            "shares the host's or another container's processes",
	"ipc":            "shares the host's or another container's memory",
	"network_mode":   "each instance has a network of its own; routes in instance.toml lead into it",
	"networks":       "each instance has one network of its own, on which services find each other by name",
	"ports":          "routes in instance.toml publish ports; remove this key",
	"container_name": "every instance has containers of its own, named by Whaley",
	"cap_add":        "ask for capabilities in instance.toml: [security] capabilities",
	"cap_drop":       "all capabilities but a small set are dropped anyway",
	"security_opt":   "[security] in instance.toml says what a container may",
	"deploy":         "limits stand in instance.toml: [limits]",
	"mem_limit":      "limits stand in instance.toml: [limits] memory",
	"cpus":           "limits stand in instance.toml: [limits] cpus",
	"pids_limit":     "limits stand in instance.toml: [limits] pids",
	"labels":         "labels are Whaley's",
	"extends":        "a challenge is one compose file",
	"include":        "a challenge is one compose file",
	"secrets":        "put the file into the image or mount it from the folder",
	"configs":        "put the file into the image or mount it from the folder",
	"sysctls":        "would change the kernel's settings",
	"cgroup_parent":  "would leave the instance's limits",
	"userns_mode":    "would leave the container's user namespace",
	"logging":        "logs are limited and kept by Whaley",
	"extra_hosts":    "names are the services' own",
}

// checkKeys refuses whatever in a compose file is not on the allow-list, by name and line.
func checkKeys(file string, text []byte, problems *Problems) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		problems.add(file, 0, "", "is no valid YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return
	}
	if len(root.Content) == 0 {
		problems.add(file, 0, "", "is empty; it needs services")
		return
	}
	w := walker{file: file, problems: problems, budget: 20000}
	w.walk(root.Content[0], supported, "")
}

type walker struct {
	file     string
	problems *Problems
	budget   int // nodes; aliases can multiply them without end
}

func (w *walker) walk(node *yaml.Node, allowed any, path string) {
	if w.budget--; w.budget < 0 {
		if w.budget == -1 {
			w.problems.add(w.file, node.Line, path, "the file is too large or its anchors multiply too much")
		}
		return
	}
	if node.Kind == yaml.AliasNode {
		w.walk(node.Alias, allowed, path)
		return
	}
	if strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!") {
		w.problems.add(w.file, node.Line, path, "the tag %s is not supported", node.Tag)
	}
	known, limited := allowed.(keys)
	switch node.Kind {
	case yaml.SequenceNode:
		for n, item := range node.Content {
			w.walk(item, nil, fmt.Sprintf("%s[%d]", path, n))
		}
	case yaml.MappingNode:
		for n := 0; n+1 < len(node.Content); n += 2 {
			key, value := node.Content[n], node.Content[n+1]
			if key.Value == "<<" {
				w.merge(value, allowed, path)
				continue
			}
			at := strings.TrimPrefix(path+"."+key.Value, ".")
			if strings.HasPrefix(key.Value, "x-") && path == "" {
				w.walk(value, nil, at) // where anchors stand; used elsewhere it is checked there
				continue
			}
			below, ok := known[key.Value]
			if !ok {
				below, ok = known["*"]
			}
			if limited && !ok {
				w.problems.add(w.file, key.Line, at, "%s", why(key.Value))
				continue
			}
			w.walk(value, below, at)
		}
	}
}

// merge walks what a merge key brings in, as if it stood there.
func (w *walker) merge(value *yaml.Node, allowed any, path string) {
	if value.Kind == yaml.SequenceNode {
		for _, item := range value.Content {
			w.walk(item, allowed, path)
		}
		return
	}
	w.walk(value, allowed, path)
}

func why(key string) string {
	if reason, known := reasons[key]; known {
		return "is not allowed: " + reason
	}
	return "is not supported"
}
