package challenge

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/override"
	"go.yaml.in/yaml/v4"
)

// origin is where a service stands that another one is made of.
type origin struct {
	read *reading
	name string
}

// link is a service of a file in a chain of those that extend each other.
type link struct{ real, name string }

// base is a service that others extend, and all that it is made of itself.
type base struct {
	service map[string]any
	from    []origin
}

// extended puts into a service what it extends, of its own file or another one of the challenge's folder, as Compose
// does: what it says itself wins. chain is what extends it.
func (s *sources) extended(f *source, services map[string]any, name string, chain []link) base {
	service, _ := services[name].(map[string]any)
	wanted, ok := service["extends"]
	if !ok || s.left.spent() {
		return base{service: service}
	}
	key := join("services."+name, "extends")
	on := s.base(f, services, wanted, key, append(slices.Clone(chain), link{f.real, name}))
	delete(service, "extends")
	if on.service == nil {
		if service["image"] == nil && service["build"] == nil {
			service["image"] = "refused" // what is missing follows from what was refused
		}
		return base{service: service}
	}
	merged, err := override.ExtendService(s.cloned(on.service).(map[string]any), service)
	if err != nil {
		s.problems.add(f.read.file, f.read.at.of(key), key, "cannot be merged: %s", s.plain(err))
		return base{service: service}
	}
	if !s.afforded(f, key) {
		return base{service: service}
	}
	services[name] = merged
	return base{merged, on.from}
}

// base is the service that is extended, with all that it extends itself; without one a problem says why.
func (s *sources) base(f *source, services map[string]any, wanted any, key string, chain []link) base {
	refuse := func(format string, args ...any) base {
		s.problems.add(f.read.file, f.read.at.of(key), key, format, args...)
		return base{}
	}
	on, at, file := link{real: f.real}, f.located, ""
	switch w := wanted.(type) {
	case string:
		on.name = w
	case map[string]any:
		on.name, _ = w["service"].(string)
		file, _ = w["file"].(string)
	}
	if on.name == "" {
		return refuse("must name a service")
	}
	if file != "" {
		var ok bool
		if at, ok = s.local(f, key, file); !ok {
			return base{}
		}
		on.real = at.real
	}
	if at := slices.Index(chain, on); at >= 0 {
		var names []string
		for _, l := range append(chain[at:], on) {
			names = append(names, l.name+" of "+filepath.Base(l.real))
		}
		return refuse("goes in a circle: %s", strings.Join(names, " → "))
	}
	if len(chain) > maxChain {
		return refuse("is one of more than %d that extend each other", maxChain)
	}
	if on.real != f.real {
		return s.foreign(f, at, on, key, chain)
	}
	if _, there := services[on.name].(map[string]any); !there {
		return refuse("there is no service %q", on.name)
	}
	found := s.extended(f, services, on.name, chain)
	return base{found.service, append([]origin{{f.read, on.name}}, found.from...)}
}

// foreign is a service of another file. Nothing else of that file is looked at, but what the service extends in it.
func (s *sources) foreign(f *source, at located, on link, key string, chain []link) base {
	known := join(filepath.Dir(at.path), on.real+" "+on.name)
	if b, ok := s.bases[known]; ok {
		return b
	}
	other := &source{located: at, beside: filepath.Dir(at.path), environment: f.environment}
	model := s.open(other, true, func(root *yaml.Node) { keepService(root, on.name) })
	if model == nil {
		return base{}
	}
	services, _ := model["services"].(map[string]any)
	if _, there := services[on.name].(map[string]any); !there {
		s.problems.add(
			f.read.file, f.read.at.of(key), key, "there is no service %q in %s", on.name,
			strings.TrimPrefix(s.called(at.path), s.prefix),
		)
		return base{}
	}
	found := s.extended(other, services, on.name, chain)
	made, err := s.canonical(other, []map[string]any{{"services": map[string]any{on.name: found.service}}}, false)
	if err != nil {
		said := s.plain(err)
		s.problems.add(other.read.file, other.read.at.of(keyOfError(said)), keyOfError(said), "%s", said)
		return base{}
	}
	all, _ := made["services"].(map[string]any)
	b := base{from: append([]origin{{other.read, on.name}}, found.from...)}
	if b.service, _ = all[on.name].(map[string]any); b.service == nil {
		b.service = map[string]any{}
	}
	s.bases[known] = b
	return b
}

// keepService leaves in a file nothing but a service and those of the file that it extends.
func keepService(root *yaml.Node, name string) {
	services := entryOf(root, "services", maxChain)
	if services == nil || services.Kind != yaml.MappingNode {
		return
	}
	kept := map[string]bool{}
	for name != "" && !kept[name] {
		kept[name] = true
		extends := entryOf(entryOf(services, name, maxChain), "extends", maxChain)
		switch name = ""; {
		case extends == nil:
		case extends.Kind == yaml.ScalarNode:
			name = extends.Value
		case entryOf(extends, "file", maxChain) == nil:
			if on := entryOf(extends, "service", maxChain); on != nil {
				name = on.Value
			}
		}
	}
	var content []*yaml.Node
	for n := 0; n+1 < len(services.Content); n += 2 {
		if key := services.Content[n]; kept[key.Value] || key.Tag == "!!merge" {
			content = append(content, key, services.Content[n+1])
		}
	}
	services.Content = content
	content = nil
	for n := 0; n+1 < len(root.Content); n += 2 {
		if key := root.Content[n]; key.Value == "services" || key.Tag == "!!merge" {
			content = append(content, key, root.Content[n+1])
		}
	}
	root.Content = content
}

// entryOf is what a table has at a key, aliases and merges followed so many deep, or nil.
func entryOf(node *yaml.Node, key string, deep int) *yaml.Node {
	if node == nil || deep == 0 {
		return nil
	}
	node = followed(node)
	if node.Kind != yaml.MappingNode {
		return nil
	}
	var merged *yaml.Node
	for n := 0; n+1 < len(node.Content); n += 2 {
		value := node.Content[n+1]
		switch k := node.Content[n]; {
		case k.Value == key:
			return followed(value)
		case k.Tag != "!!merge" || merged != nil:
		case value.Kind == yaml.SequenceNode:
			for _, one := range value.Content[:min(len(value.Content), maxChain)] {
				if merged == nil {
					merged = entryOf(one, key, deep-1)
				}
			}
		default:
			merged = entryOf(value, key, deep-1)
		}
	}
	return merged
}
