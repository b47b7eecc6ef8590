package challenge

import (
	"maps"
	"slices"
	"strings"
)

// declare adds to a model what its services name and it does not have: networks and volumes, which each instance has of
// its own anyway, and services that stand back by a profile though others wait for them.
func (s *sources) declare(f *source, model map[string]any) {
	services, _ := model["services"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(services)) {
		service, _ := services[name].(map[string]any)
		key := join("services", name)
		for _, network := range namesIn(service["networks"]) {
			s.add(model, "networks", network, key, f)
		}
		volumes, _ := service["volumes"].([]any)
		for _, v := range volumes {
			s.add(model, "volumes", volumeOf(f.read.fill, v), key, f)
		}
		if _, back := service["profiles"]; back {
			continue
		}
		for _, other := range namesIn(service["depends_on"]) {
			if awaited, _ := services[other].(map[string]any); needed(service["depends_on"], other) && len(namesIn(awaited["profiles"])) > 0 {
				delete(awaited, "profiles")
				s.problems.note(
					s.main.file, 0, join(join("services", other), "profiles"), "is left out: %s waits for %s, so that an instance has it", name, other,
				)
			}
		}
	}
}

// add declares what a service names, if it can have such a name and nothing has been refused there.
func (s *sources) add(model map[string]any, kind, name, key string, f *source) {
	all, _ := model[kind].(map[string]any)
	name = f.read.fill(name)
	if _, known := all[name]; known || !objectName(name) || kind == "networks" && name == "default" ||
		s.main.at.has(join(kind, name)) {
		return
	}
	if all == nil {
		all = map[string]any{}
		model[kind] = all
	}
	all[name] = map[string]any{}
	s.problems.note(
		s.main.file, 0, join(key, kind), "%q stands nowhere under %s: the instance has one of its own of this name", name, kind,
	)
}

// namesIn are the names in a list, or the keys of a table.
func namesIn(value any) (all []string) {
	switch v := value.(type) {
	case []any:
		for _, one := range v {
			if name, ok := one.(string); ok {
				all = append(all, name)
			}
		}
	case map[string]any:
		all = slices.Sorted(maps.Keys(v))
	}
	return all
}

// needed says whether depends_on waits for a service in any case.
func needed(dependencies any, name string) bool {
	table, _ := dependencies.(map[string]any)
	one, _ := table[name].(map[string]any)
	required, said := one["required"].(bool)
	return !said || required
}

// volumeOf is the name of the volume that a mount is of, or nothing.
func volumeOf(fill func(string) string, mount any) string {
	switch v := mount.(type) {
	case string:
		source, _, two := strings.Cut(fill(v), ":")
		if two && len(source) > 1 && !strings.ContainsAny(source, `/\~`) && !strings.HasPrefix(source, ".") { // C:\ is a path
			return source
		}
	case map[string]any:
		if name, _ := v["source"].(string); v["type"] == "volume" {
			return name
		}
	}
	return ""
}
