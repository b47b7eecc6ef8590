package challenge_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
)

// What the parser refuses hides nothing of what else is wrong: each case has findings of the parser and of ours, in
// several services, with or without a key of the parser's.
func TestAllFindingsOfAFileComeAtOnce(t *testing.T) {
	for what, c := range map[string]struct {
		compose string
		want    []string // line and key
	}{
		"what depends on nothing": {
			"services:\n  web:\n    image: busybox\n    depends_on: [nope]\n    privileged: true\n    volumes: ['/etc:/x']\n    ports: ['8080:80']\n" +
				"    cap_add: [SYS_ADMIN]\n",
			[]string{
				"4: services.web.depends_on", "5: services.web.privileged", "6: services.web.volumes[0]",
				"7: services.web.ports: note", "8: services.web.cap_add[0]",
			},
		},
		"two sizes and a service of nothing": {
			"services:\n  web:\n    image: busybox\n    mem_limit: lots\n    volumes: ['data:/y']\n  b:\n    stop_grace_period: soon\n    pid: host\n",
			[]string{
				"4: services.web.mem_limit", "5: services.web.volumes: note", "6: services.b", "7: services.b.stop_grace_period",
				"8: services.b.pid",
			},
		},
		"networks, and a folder that is not there": {
			"services:\n  web:\n    image: busybox\n    networks: [nope]\n    volumes: ['/etc:/x', 'data:/y']\n  b:\n    build: {context: ./nope}\n",
			[]string{
				"4: services.web.networks: note", "5: services.web.volumes: note", "5: services.web.volumes[0]", "7: services.b.build.context",
			},
		},
		"a port that the parser does not name": {
			"services:\n  web:\n    image: busybox\n    ports: ['80:abc', '81:81']\n    healthcheck: {test: x, interval: never}\n  b:\n    image: x\n" +
				"    environment: [A=1, 3]\n    cap_add: [SYS_ADMIN]\n    network_mode: 'service:zzz'\n",
			[]string{
				"4: services.web.ports", "5: services.web.healthcheck.interval", "8: services.b.environment[1]",
				"9: services.b.cap_add[0]", "10: services.b.network_mode",
			},
		},
		"numbers": {
			"services:\n  web:\n    image: busybox\n    ports: ['80:99999']\n    cpus: many\n    tmpfs: 3\n  b:\n    image: x\n    ulimits: {nofile: a}\n    privileged: true\n",
			[]string{
				"4: services.web.ports", "5: services.web.cpus", "6: services.web.tmpfs", "9: services.b.ulimits.nofile",
				"10: services.b.privileged",
			},
		},
		"what follows is not told": {
			"services:\n  web:\n    image: busybox\n    configs: [x]\n    depends_on: {b: {condition: fine}}\n    privileged: true\n  b:\n    image: x\nconfigs:\n  x: {driver: a}\n",
			[]string{"5: services.web.depends_on.b.condition", "6: services.web.privileged", "10: configs.x.driver"},
		},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := load(t, folder(t, oneRoute, c.compose))
			var found challenge.Problems
			if !errors.As(err, &found) {
				t.Fatal(err)
			}
			var got []string
			for _, p := range found {
				one := strings.Split(strings.TrimPrefix(p.String(), "web-test/compose.yaml:"), ": ")
				if got = append(got, one[0]+": "+one[1]); p.Note {
					got[len(got)-1] += ": note"
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s\n%v", strings.Join(got, "\n"), strings.Join(c.want, "\n"), err)
			}
		})
	}
}
