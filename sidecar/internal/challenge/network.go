package challenge

import (
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// networks fills in what a challenge's services are on. One network for all, which nearly every challenge has, is not
// named.
func (c *converter) networks(ch *instancer.Challenge, project *types.Project) {
	alone := len(ch.Services) == 1 // there is nobody to use another name
	used := map[string]bool{}
	for n := range ch.Services {
		s := project.Services[ch.Services[n].Name]
		for _, name := range s.NetworksByPriority() {
			join := instancer.Join{Network: name}
			if with := s.Networks[name]; with != nil {
				for i, alias := range with.Aliases {
					if !hostName(alias) {
						c.refuse(s.Name, item("networks."+name+".aliases", i), "%q cannot be a name on a network", alias)
					}
				}
				join.Aliases = with.Aliases
			}
			for _, alias := range c.aliases[s.Name] {
				if !alone && alias != s.Name && !slices.Contains(join.Aliases, alias) {
					join.Aliases = append(slices.Clone(join.Aliases), alias)
				}
			}
			used[name] = true
			ch.Services[n].Joins = append(ch.Services[n].Joins, join)
		}
	}
	if len(used) > maxNetworks {
		c.problems.add(c.file, 0, "networks", "%d are used; a challenge has at most %d", len(used), maxNetworks)
	}
	for _, name := range slices.Sorted(maps.Keys(project.Networks)) {
		if !used[name] && c.at.has("networks."+name) {
			c.problems.note(c.file, 0, "networks."+name, "is left out: no service is on it")
		}
	}
	shut := slices.ContainsFunc(slices.Collect(maps.Keys(used)), func(name string) bool { return project.Networks[name].Internal })
	if len(used) > 1 || shut && ch.Egress {
		for _, name := range slices.Sorted(maps.Keys(used)) {
			ch.Networks = append(ch.Networks, instancer.Network{Name: name, Internal: project.Networks[name].Internal})
		}
		return
	}
	for n := range ch.Services {
		joins := ch.Services[n].Joins
		if len(joins) == 1 && len(joins[0].Aliases) == 0 {
			ch.Services[n].Joins = nil
		}
	}
}

// names collects the further names of services: what containers are called elsewhere, and what links call them.
func (c *converter) names(project *types.Project) {
	c.aliases = map[string][]string{}
	add := func(service, of, key, alias string) {
		if hostName(alias) {
			c.aliases[of] = append(c.aliases[of], alias)
			return
		}
		c.note(service, key, "is left out: %q cannot be a name on a network", alias)
	}
	for _, name := range slices.Sorted(maps.Keys(project.Services)) {
		s := project.Services[name]
		if s.ContainerName != "" && s.ContainerName != name {
			add(name, name, "container_name", s.ContainerName)
			c.note(name, "container_name", "is taken as a further name of the service; Whaley names the containers")
		}
		for n, link := range s.Links {
			if of, alias, renamed := strings.Cut(link, ":"); renamed {
				add(name, of, item("links", n), alias)
			}
		}
	}
}
