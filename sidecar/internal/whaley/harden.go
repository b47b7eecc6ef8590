package whaley

import (
	"maps"
	"slices"
)

// What a container's processes may have open unless its challenge says otherwise.
const (
	defaultOpenSoft = 4096
	defaultOpenHard = 16384 // an engine without CAP_SYS_RESOURCE cannot raise its own limit, often 20000
)

// AllCapabilities are what a service's program may have: the default ones without what it drops, and what it was
// granted.
func (s *Service) AllCapabilities() []string {
	all := slices.DeleteFunc(slices.Clone(DefaultCapabilities), func(c string) bool {
		return slices.Contains(s.Drop, c) || slices.Contains(s.Drop, "ALL")
	})
	for _, c := range s.Capabilities {
		if !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return all
}

// AllUlimits are the limits of a service's processes, by name.
func (s *Service) AllUlimits() []Ulimit {
	limits := map[string]Ulimit{
		"nofile": {Name: "nofile", Soft: defaultOpenSoft, Hard: defaultOpenHard},
		"core":   {Name: "core"},
	}
	for _, l := range s.Ulimits {
		limits[l.Name] = l
	}
	all := make([]Ulimit, 0, len(limits))
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		all = append(all, limits[name])
	}
	return all
}
