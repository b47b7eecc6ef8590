package challenge_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestAChallengeThatUsesItsOwnAddressesHasThemInside(t *testing.T) {
	const compose = "services:\n  web: {image: x}\n  bot: {image: x, environment: {A: \"%\"}}\n"
	for name, c := range map[string]struct {
		toml, used string
		inside     bool
		problem    string
	}{
		"nobody asks":                   {used: "x"},
		"the bot knows the host":        {used: "https://${HOST_}/", inside: true},
		"the bot knows the address":     {used: "${URL_web}/", inside: true},
		"by the service's name":         {used: "$HOST_web", inside: true},
		"the bot knows whom to trust":   {used: "${WHALEY_CA}", inside: true},
		"a player tells the bot":        {toml: "inside = true\n", used: "x", inside: true},
		"the host is only a text":       {toml: "inside = false\n", used: "${HOST_}"},
		"the port is all that is known": {toml: "type = \"port\"\n", used: "${PORT_80}"},
		"the host's port has no name": {
			toml: "inside = true\ntype = \"port\"\n", used: "x", problem: "inside: no route has an address",
		},
		"a file of ours, for TLS by name": {toml: "type = \"tcp\"\n", used: "${HOST_}", inside: true},
	} {
		t.Run(name, func(t *testing.T) {
			head, route, _ := strings.Cut(c.toml, "type")
			if route != "" {
				route = "type" + route
			}
			ch, err := load(
				t, folder(t, head+"[[routes]]\nservice = \"web\"\nport = 80\n"+route, strings.ReplaceAll(compose, "%", c.used)),
			)
			if c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			n := slices.IndexFunc(ch.Services, func(s whaley.Service) bool { return s.Relay })
			if c.inside != (n == 2) || len(ch.Services) != 2 && n < 0 {
				t.Fatalf("%d of %d services", n, len(ch.Services))
			}
			if n > 0 && ch.Services[n].Joins[0].Aliases[0] != whaley.Token("HOST_") {
				t.Errorf("its names: %+v", ch.Services[n].Joins)
			}
		})
	}
	taken := strings.ReplaceAll(strings.ReplaceAll(compose, "bot", "whaley"), "%", "${HOST_}")
	_, err := load(t, folder(t, "[[routes]]\nservice = \"web\"\nport = 80\n", taken))
	if err == nil || !strings.Contains(err.Error(), "services.whaley: is the name of") {
		t.Errorf("%v", err)
	}
}
