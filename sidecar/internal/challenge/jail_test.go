package challenge_test

import (
	"slices"
	"strings"
	"testing"
)

const privileged = `services:
  web:
    build: .
    privileged: true
    cap_add: [SYS_ADMIN]
    security_opt: ["seccomp:unconfined", "apparmor=unconfined"]
    volumes: ["/sys/fs/cgroup:/sys/fs/cgroup:rw"]
`

func TestAJailNeedsNoPrivilege(t *testing.T) {
	for name, dockerfile := range map[string]string{
		"redpwn":         "FROM ubuntu AS app\nFROM pwn.red/jail:0.4\nCOPY --from=app / /srv\n",
		"redpwn's other": "FROM redpwn/jail:v0.1.3\nCOPY --from=ubuntu / /srv\n",
		"kCTF":           "FROM ubuntu:20.04 as chroot\nFROM gcr.io/kctf-docker/challenge@sha256:0123\nCOPY --from=chroot / /chroot\n",
		"an event's own": "FROM ghcr.io/downunderctf/docker-vendor/nsjail:ubuntu-22.04\nCOPY . .\n",
		"built here":     "FROM ubuntu\nRUN git clone https://github.com/google/nsjail && make -C nsjail && cp nsjail/nsjail /usr/bin/\nCMD nsjail -Ml --port 1 -- /bin/sh\n",
		"by a stage":     "FROM pwn.red/jail AS base\nFROM base\nCOPY . /srv\n",
	} {
		t.Run(name, func(t *testing.T) {
			ch, err := load(t, folder(t, oneRoute, privileged, "Dockerfile", dockerfile))
			if err != nil {
				t.Fatal(err)
			}
			if s := ch.Services[0]; !s.Jail || !slices.Contains(s.Capabilities, "SYS_CHROOT") || slices.Contains(s.Capabilities, "SYS_ADMIN") {
				t.Errorf("%+v", s)
			}
			var said []string
			for _, n := range ch.Notes {
				said = append(said, n.Key)
			}
			for _, want := range []string{"services.web.privileged", "services.web.cap_add[0]", "services.web.security_opt[0]", "services.web.security_opt[1]", "services.web.volumes[0]"} {
				if !slices.Contains(said, want) {
					t.Errorf("nothing is said of %s: %q", want, said)
				}
			}
		})
	}
}

func TestWithoutAJailPrivilegesAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ dockerfile, compose, want string }{
		"no jail":                  {"FROM ubuntu\n# nsjail would be nice\n", privileged, "services.web.privileged"},
		"a jail in another stage":  {"FROM pwn.red/jail AS jail\nFROM ubuntu\n", privileged, "services.web.privileged"},
		"the engine's socket":      {"FROM pwn.red/jail\n", privileged + "    pid: host\n", "services.web.pid"},
		"beside one":               {"FROM pwn.red/jail\n", privileged + "  other:\n    image: busybox\n    privileged: true\n", "services.other.privileged"},
		"the host's own devices":   {"FROM pwn.red/jail\n", privileged + "    devices: [/dev/kvm]\n", "services.web.devices"},
		"the host's network":       {"FROM pwn.red/jail\n", privileged + "    network_mode: host\n", "services.web.network_mode"},
		"an image that is no jail": {"FROM jailbreak/me\n", privileged, "services.web.privileged"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, folder(t, oneRoute, c.compose, "Dockerfile", c.dockerfile))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}
