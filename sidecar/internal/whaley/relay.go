package whaley

import (
	"slices"
	"strings"
	"time"
)

// RelayService is the name of the container of ours in an instance whose own addresses work inside it. There it has the
// names of the instance's hosts, and does what the edge does for players.
const RelayService = "whaley"

// AuthorityFile is where a container that asks for it finds the certificate by which it knows the relay.
const AuthorityFile = "/etc/whaley/ca.crt"

// Variables of what is inside an instance.
const (
	RelayVariable     = "RELAY"
	AuthorityVariable = "WHALEY_CA" // is AuthorityFile, and makes it be there
)

// relayLimits are beside those of the challenge.
var relayLimits = Limits{MemoryBytes: 64 << 20, NanoCPUs: 5e8, Pids: 128}

// Relay is the service that a challenge gets whose own addresses are to work inside; false if it has none that could.
func (ch *Challenge) Relay() (Service, bool) {
	var names []string
	for n, r := range ch.Routes {
		if r.Inside() {
			names = append(names, Token(HostVariables(ch.Routes, n)[0]))
		}
	}
	s := Service{
		Name: RelayService, Relay: true, Environment: []string{"WHALEY_RELAY=" + Token(RelayVariable)}, ReadOnly: true,
		Drop:         []string{"ALL"},
		Capabilities: []string{"NET_BIND_SERVICE"}, StopGrace: time.Second, Restart: &Restart{}, Limits: relayLimits,
	}
	networks := ch.Networks
	if len(networks) == 0 {
		networks = []Network{{}}
	}
	for _, n := range networks {
		s.Joins = append(s.Joins, Join{Network: n.Name, Aliases: names})
	}
	return s, len(names) > 0
}

// Inside says whether a route is reached by its host's name.
func (r Route) Inside() bool { return r.Type == RouteHTTP || r.Type == RouteTCP }

// Uses says whether a service's strings hold one of the variables.
func (s Service) Uses(variables ...string) bool {
	texts := slices.Concat(s.Command, s.Entrypoint, s.Environment)
	if s.Health != nil {
		texts = append(texts, s.Health.Test...)
	}
	for _, m := range s.Mounts {
		texts = append(texts, m.Text)
	}
	return slices.ContainsFunc(texts, func(text string) bool {
		return slices.ContainsFunc(variables, func(v string) bool { return strings.Contains(text, Token(v)) })
	})
}
