package kubernetes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// group are the services of a challenge that one Pod runs, in the challenge's order, by their numbers.
type group []int

// groups has each service in a Pod of its own, but those together that share a volume or addresses: a volume of the
// node and a network namespace are a Pod's.
func groups(ch *whaley.Challenge) []group {
	at := make([]int, len(ch.Services)) // service → the first of its group
	for n := range at {
		at[n] = n
	}
	join := func(a, b int) {
		first, second := min(at[a], at[b]), max(at[a], at[b])
		for n := range at {
			if at[n] == second {
				at[n] = first
			}
		}
	}
	for n, s := range ch.Services {
		for m, other := range ch.Services[:n] {
			if s.Shares == other.Name || other.Shares == s.Name || sharesVolume(s, other) {
				join(n, m)
			}
		}
	}
	var all []group
	for first := range at {
		var one group
		for n := range at {
			if at[n] == first && !ch.Services[n].Relay {
				one = append(one, n)
			}
		}
		if len(one) > 0 {
			all = append(all, one)
		}
	}
	return all
}

// sharesVolume says whether two services see each other's files.
func sharesVolume(a, b whaley.Service) bool {
	return slices.ContainsFunc(a.Mounts, func(m whaley.Mount) bool {
		return m.Volume && slices.ContainsFunc(b.Mounts, func(o whaley.Mount) bool { return o.Volume && o.Source == m.Source })
	})
}

// shared are the volumes of a challenge that several of its services have.
func shared(ch *whaley.Challenge) (all []string) {
	for _, v := range ch.Volumes {
		having := 0
		for _, s := range ch.Services {
			if slices.ContainsFunc(s.Mounts, func(m whaley.Mount) bool { return m.Volume && m.Source == v }) {
				having++
			}
		}
		if having > 1 {
			all = append(all, v)
		}
	}
	return all
}

// containerName is a service's name as Kubernetes takes one; n is its number, which makes those unique that had to be
// changed.
func containerName(n int, service string) string {
	name := dnsLabel(service)
	if name == service && len(name) <= 40 {
		return name
	}
	return strings.TrimLeft(fmt.Sprintf("%s-%d", name[:min(len(name), 40)], n), "-")
}

// dnsLabel is a text with nothing but what a label of a name may hold, of at most 63 characters; it may be empty.
func dnsLabel(text string) string {
	text = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(text))
	return strings.Trim(text[:min(len(text), 63)], "-")
}
