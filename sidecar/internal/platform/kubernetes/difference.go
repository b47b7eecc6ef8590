package kubernetes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// beyondBaseline are the capabilities that Pod security of the level baseline gives nobody.
var beyondBaseline = []string{"NET_ADMIN", "NET_RAW", "SYS_PTRACE"}

// MaxFiles is how much of mounted files a guest is told, in bytes.
const MaxFiles = 64 << 20

// Differences judges challenges when they are loaded.
type Differences struct{}

// Differs is what is told of a challenge, and why it is not loaded.
func (Differences) Differs(ch *whaley.Challenge) ([]whaley.Note, error) {
	return Notes(ch), Refusal(ch)
}

// Refusal says why instances of a challenge cannot be on a cluster; nil: they can.
func Refusal(ch *whaley.Challenge) error {
	for _, s := range ch.Services {
		var why string
		switch {
		case s.Jail != nil:
			why = "has a jail, whose stand-in is not brought into Pods"
		case s.Domain != "":
			why = "has a domainname, and Pods have none"
		case s.Runtime != "" && len(groupOf(ch, s.Name)) > 1:
			why = "has a runtime of its own and shares a Pod with others"
		}
		if why == "" {
			for _, c := range s.Capabilities {
				if slices.Contains(beyondBaseline, c) {
					why = "needs the capability " + c + ", which Pod security (baseline) gives nobody"
				}
			}
		}
		if why != "" {
			return whaley.Errorf(
				whaley.Unavailable, "platform", "The challenge cannot run on Kubernetes: its service %s %s.", s.Name, why,
			)
		}
	}
	for _, r := range ch.Routes {
		if r.UDP {
			return whaley.Errorf(
				whaley.Unavailable, "platform",
				"The challenge cannot run on Kubernetes: its port %d is UDP, which the edge does not pass on to Pods.", r.Port,
			)
		}
	}
	return sharedPorts(ch)
}

// sharedPorts refuses routes of one Pod to one port of several services: they have one address.
func sharedPorts(ch *whaley.Challenge) error {
	for _, g := range groups(ch) {
		taken := map[int]string{}
		for _, r := range ch.Routes {
			if !slices.ContainsFunc(g, func(n int) bool { return ch.Services[n].Name == r.Service }) {
				continue
			}
			if other := taken[r.Port]; other != "" && other != r.Service && !sharesAddress(ch, other, r.Service) {
				return whaley.Errorf(
					whaley.Unavailable, "platform",
					"The challenge cannot run on Kubernetes: its services %s and %s share a volume, so they share one address, and both listen on %d.",
					other, r.Service, r.Port,
				)
			}
			taken[r.Port] = r.Service
		}
	}
	return nil
}

func sharesAddress(ch *whaley.Challenge, a, b string) bool {
	one, _ := ch.Home(a)
	other, _ := ch.Home(b)
	return one.Name == other.Name
}

func groupOf(ch *whaley.Challenge, service string) group {
	for _, g := range groups(ch) {
		if slices.ContainsFunc(g, func(n int) bool { return ch.Services[n].Name == service }) {
			return g
		}
	}
	return nil
}

// Notes are what is otherwise than the challenge's files say, because it runs on a cluster.
func Notes(ch *whaley.Challenge) (all []whaley.Note) {
	note := func(key, format string, args ...any) {
		all = append(all, whaley.Note{Key: key, Text: "On Kubernetes: " + fmt.Sprintf(format, args...)})
	}
	several := shared(ch)
	for _, s := range ch.Services {
		at := "services." + s.Name
		if s.Limits.Pids > 0 {
			note(at+".pids_limit", "the limit of processes is the node's (podPidsLimit of its kubelet), not %d", s.Limits.Pids)
		}
		if !s.Init && !s.Relay {
			note(at+".init", "its program is not the first process, as with init: true")
		}
		if g := groupOf(ch, s.Name); len(g) > 1 && s.Shares == "" && slices.ContainsFunc(s.Mounts, func(m whaley.Mount) bool {
			return m.Volume && slices.Contains(several, m.Source)
		}) {
			note(at+".volumes", "it shares a Pod, one address and one localhost with those that have its volume")
			note(at+".volumes", "a volume of several services does not begin with what its image has there")
		}
		for _, t := range s.Tmpfs {
			if options := slices.DeleteFunc(slices.Clone(t.Options), func(o string) bool { return o == "ro" }); len(options) > 0 {
				note(at+".tmpfs", "%s is everybody's (mode 0777), without %s", t.Target, strings.Join(options, ", "))
			}
		}
		if slices.ContainsFunc(s.Mounts, func(m whaley.Mount) bool { return !m.Volume && m.From == "" }) {
			note(at+".volumes", "files of the challenge's folder are copies of the container's own, which its root may write")
		}
		if s.ReadOnly && (len(groups(ch)) > 1 || ch.Flag.Dynamic || len(s.Mounts) > 0) {
			note(at+".read_only", "its root can be written where flags, mounted files or names of other services are put there")
		}
		if name := hostnameOf(s); s.Hostname != "" && name != s.Hostname {
			note(at+".hostname", "it is called %s", name)
		}
		if s.Relay {
			note(at, "its own addresses do not work inside it")
		}
	}
	if len(ch.Networks) > 1 {
		note("networks", "a service has one address on all of its networks; who reaches whom is as it says")
	}
	return all
}
