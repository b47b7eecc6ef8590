package challenge

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// networks fills in what a challenge's services are on. One network for all, which nearly every challenge has, is not
// named.
func (c *converter) networks(ch *whaley.Challenge, project *types.Project) {
	alone := len(ch.Services) == 1 // there is nobody to use another name
	used := map[string]bool{}
	for n := range ch.Services {
		s := project.Services[ch.Services[n].Name]
		if c.mode(s, &ch.Services[n]) {
			continue
		}
		for _, name := range s.NetworksByPriority() {
			join := whaley.Join{Network: name}
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
	shut := slices.ContainsFunc(
		slices.Collect(maps.Keys(used)), func(name string) bool { return project.Networks[name].Internal },
	)
	if len(used) > 1 || shut && ch.Egress {
		for _, name := range slices.Sorted(maps.Keys(used)) {
			ch.Networks = append(ch.Networks, whaley.Network{Name: name, Internal: project.Networks[name].Internal})
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

// mode is what a service has instead of networks of its own: those of another service, or none. False: it has its own.
func (c *converter) mode(s types.ServiceConfig, out *whaley.Service) bool {
	if s.NetworkMode == "none" {
		out.Offline = true
		return true
	}
	on, shares := strings.CutPrefix(s.NetworkMode, types.ServicePrefix)
	if !shares {
		return false
	}
	for { // the parser has refused circles
		next, further := strings.CutPrefix(c.project.Services[on].NetworkMode, types.ServicePrefix)
		switch {
		case c.project.Services[on].NetworkMode == "none":
			out.Offline = true // neither has any network
			return true
		case !further:
			out.Shares = on
			for key, said := range map[string]bool{"hostname": s.Hostname != "", "domainname": s.DomainName != ""} {
				if said {
					c.note(s.Name, key, "is left out: %s has the names and addresses of %s", s.Name, on)
				}
			}
			return true
		}
		on = next
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
			of, _ := strings.CutPrefix(s.NetworkMode, types.ServicePrefix)
			add(name, cmp.Or(of, name), "container_name", s.ContainerName)
			c.note(name, "container_name", "is taken as a further name of the service; Whaley names the containers")
		}
		for n, link := range s.ExternalLinks {
			key := item("external_links", n)
			called, alias, renamed := strings.Cut(link, ":")
			of := called
			for other, service := range project.Services {
				if _, there := project.Services[called]; !there && service.ContainerName == called {
					of = other
				}
			}
			if _, there := project.Services[of]; !there {
				c.refuse(name, key, "%q is not a service of this file, and would reach containers of others", called)
				continue
			}
			if renamed {
				add(name, of, key, alias)
			}
			c.note(name, key, "is taken as a link: %s is a service of this file", of)
		}
		for n, link := range s.Links {
			if of, alias, renamed := strings.Cut(link, ":"); renamed {
				add(name, of, item("links", n), alias)
			}
		}
	}
}
