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
    cap_drop: [ALL]
    cap_add: [SYS_ADMIN, chown]
    security_opt: ["seccomp:unconfined", "apparmor=unconfined"]
    volumes: ["/sys/fs/cgroup:/sys/fs/cgroup:rw"]
`

func TestAJailNeedsNoPrivilege(t *testing.T) {
	for name, c := range map[string]struct{ dockerfile, over string }{
		"redpwn":         {"FROM ubuntu AS app\nFROM pwn.red/jail:0.4\nCOPY --from=app / /srv\n", "/jail/run"},
		"redpwn's other": {"FROM redpwn/jail:v0.1.3\nCOPY --from=ubuntu / /srv\n", "/jail/run"},
		"kCTF": {
			"FROM ubuntu:20.04 as chroot\nFROM gcr.io/kctf-docker/challenge@sha256:0123\nCOPY --from=chroot / /chroot\n",
			"/usr/bin/kctf_setup",
		},
		"DownUnderCTF": {
			"FROM ghcr.io/downunderctf/docker-vendor/nsjail:ubuntu-22.04\nCOPY . .\n", "/docker-init/docker-entrypoint.sh",
		},
		"cybersecnatlab":  {"FROM cybersecnatlab/challenge-jail@sha256:0123\nRUN true\n", "/whaley/challenge-jail"},
		"a registry here": {"FROM registry.example:5000/event/nsjail\n", "/usr/bin/nsjail"},
		"built here": {
			"FROM ubuntu\nRUN git clone https://github.com/google/nsjail && make -C nsjail\nCMD [\"/opt/nsjail/nsjail\", \"-Ml\"]\n",
			"/opt/nsjail/nsjail",
		},
		"by a stage":      {"FROM pwn.red/jail AS base\nFROM base\nCOPY . /srv\n", "/jail/run"},
		"from its number": {"FROM ubuntu\nRUN make nsjail\nFROM ubuntu\nCOPY --from=0 /x /usr/bin/\n", "/usr/bin/nsjail"},
		"from a stage": {
			"FROM ubuntu AS Jail\nRUN make nsjail\nFROM ubuntu\nCOPY --from=jail /x /usr/bin/\n", "/usr/bin/nsjail",
		},
	} {
		t.Run(name, func(t *testing.T) {
			ch, err := load(t, folder(t, oneRoute, privileged, "Dockerfile", c.dockerfile))
			if err != nil {
				t.Fatal(err)
			}
			s := ch.Services[0]
			if s.Jail == nil || !slices.Contains(s.Jail.Over, c.over) {
				t.Errorf("the stand-in is put over %+v, not %s", s.Jail, c.over)
			}
			slices.Sort(s.Capabilities)
			if want := []string{"CHOWN", "KILL", "SETGID", "SETUID", "SYS_CHROOT"}; !slices.Equal(s.Capabilities, want) {
				t.Errorf("it has %q, not %q", s.Capabilities, want)
			}
			if named := len(s.Entrypoint) > 0; named != (name == "cybersecnatlab") {
				t.Errorf("it begins with %q", s.Entrypoint)
			}
			var said []string
			for _, n := range ch.Notes {
				said = append(said, n.Key)
			}
			for _, want := range []string{
				"services.web.privileged", "services.web.cap_add[0]", "services.web.security_opt[0]",
				"services.web.security_opt[1]", "services.web.volumes[0]",
			} {
				if !slices.Contains(said, want) {
					t.Errorf("nothing is said of %s: %q", want, said)
				}
			}
		})
	}
}

func TestWhereAJailLiesIsReadFromItsFiles(t *testing.T) {
	ch, err := load(t, folder(t, oneRoute, privileged, "Dockerfile", "FROM ubuntu\nRUN make nsjail\nCMD [\"/start.sh\"]\n",
		"start.sh", "#!/bin/sh\nexec /home/ctf/nsjail --config /jail.cfg\n/proc/nsjail x\n",
		"jail.cfg", "mode: LISTEN mount { src: \"/newroot\" dst: \"/\" is_bind: true }\n", "host.cfg",
		"chroot_dir: \"/proc/1/root\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	s := ch.Services[0]
	if s.Jail == nil || !slices.Contains(s.Jail.Over, "/home/ctf/nsjail") ||
		slices.Contains(s.Jail.Over, "/proc/nsjail") || !slices.Equal(s.Jail.Roots, []string{"/newroot"}) {
		t.Errorf("%+v", s.Jail)
	}
}

func TestWithoutAJailPrivilegesAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ dockerfile, compose, want string }{
		"no jail": {"FROM ubuntu\n# nsjail would be nice\n", privileged, "services.web.privileged"},
		"a jail in another stage": {
			"FROM pwn.red/jail AS jail\nRUN cp nsjail x\nFROM ubuntu\n", privileged, "services.web.privileged",
		},
		"another target": {
			"FROM ubuntu AS plain\nFROM pwn.red/jail\n",
			strings.Replace(privileged, "build: .", "build: {context: ., target: plain}", 1), "services.web.privileged",
		},
		"a stage called so":    {"FROM evil AS redpwn/jail\nFROM redpwn/jail\n", privileged, "services.web.privileged"},
		"the host's processes": {"FROM pwn.red/jail\n", privileged + "    pid: host\n", "services.web.pid"},
		"beside one": {
			"FROM pwn.red/jail\n", privileged + "  other:\n    image: busybox\n    privileged: true\n",
			"services.other.privileged",
		},
		"the host's own devices": {"FROM pwn.red/jail\n", privileged + "    devices: [/dev/kvm]\n", "services.web.devices"},
		"the host's network": {
			"FROM pwn.red/jail\n", privileged + "    network_mode: host\n", "services.web.network_mode",
		},
		"an image that is no jail": {"FROM jailbreak/me\n", privileged, "services.web.privileged"},
		"an image alone": {
			"", strings.Replace(privileged, "build: .", "image: jailbreak/tools:jail", 1), "services.web.privileged",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, folder(t, oneRoute, c.compose, "Dockerfile", c.dockerfile))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}
