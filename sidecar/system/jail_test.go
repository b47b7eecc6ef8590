package system

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// jailBase is an image like those of all families: their programs are where they belong, and do nothing.
const jailBase = `FROM busybox:1.36
RUN mkdir -p /jail /docker-init /home/user /home/ctf/chal && printf '#!/bin/sh\nexit 1\n' > /jail/run && chmod +x /jail/run && \
	for p in nsjail kctf_setup kctf_drop_privs kctf_pow; do cp /jail/run /usr/bin/$p; done && cp /jail/run /docker-init/docker-entrypoint.sh && \
	cp /jail/run /docker-init/nsjail-launcher.sh && cp /jail/run /docker-init/nsjail-user.sh && \
	printf '#!/bin/sh\nnsjail --config /home/ctf/nsjail.cfg --env FLAG\n' > /docker-init/nsjail-user.sh
`

// jailed are challenges of the shape of each family of jails, which are built on its image as authors do. The program
// is a shell: its player is hostile.
var jailed = map[string]struct{ image, compose, dockerfile, config string }{
	"redpwn": {
		image: "pwn.red/jail:whaley-test",
		dockerfile: "FROM busybox:1.36 AS app\nFROM pwn.red/jail:whaley-test\nCOPY --from=app / /srv\nCOPY run flag.txt /srv/app/\n" +
			"ENV JAIL_PORT=1337 JAIL_TIME=60 JAIL_PIDS=6 JAIL_CONNS_PER_IP=3 JAIL_ENV_WHO=jailed JAIL_TMP_SIZE=5M\nCMD [\"/jail/run\"]\n",
	},
	"kctf": {
		image: "gcr.io/kctf-docker/challenge:whaley-test",
		dockerfile: "FROM busybox:1.36 AS chroot\nRUN mkdir -p /app\nCOPY run flag.txt /app/\nFROM gcr.io/kctf-docker/challenge:whaley-test\n" +
			"COPY --from=chroot / /chroot\nCOPY nsjail.cfg /home/user/\n" +
			"CMD kctf_setup && kctf_drop_privs nc -ll -p 1337 -e kctf_pow nsjail --config /home/user/nsjail.cfg -- /app/run\n",
		config: "mode: ONCE\nuidmap { inside_id: \"1000\" }\ngidmap { inside_id: \"1000\" }\nmount { src: \"/chroot\" dst: \"/\" is_bind: true }\n" +
			"cwd: \"/app\"\nenvar: \"WHO=jailed\"\ntime_limit: 60\n",
	},
	"nsjail": {
		image: "event.example/nsjail:whaley-test",
		dockerfile: "FROM busybox:1.36 AS app\nFROM event.example/nsjail:whaley-test\nCOPY --from=app / /root-of-it\nCOPY run /root-of-it/app/\n" +
			"COPY flag.txt /root-of-it/app/\nRUN chown 1000 /root-of-it/app/flag.txt && chmod 400 /root-of-it/app/flag.txt\n" +
			"COPY nsjail.cfg /\nCMD set -e; mkdir -p /sys/fs/cgroup/pids/NSJAIL; exec nsjail -Q --config /nsjail.cfg\n",
		config: "mode: LISTEN port: 1337 time_limit: 60 rlimit_as: 64 cwd: \"/app\" envar: \"WHO=jailed\"\n" +
			"mount { src: \"/root-of-it\" dst: \"/\" is_bind: true }\nuidmap { inside_id: \"1000\" }\ngidmap { inside_id: \"1000\" }\n" +
			"exec_bin { path: \"/app/run\" }\n",
	},
	"downunder": {
		image: "ghcr.io/downunderctf/docker-vendor/nsjail:whaley-test",
		dockerfile: "FROM ghcr.io/downunderctf/docker-vendor/nsjail:whaley-test\nCOPY nsjail.cfg /home/ctf/\nCOPY run flag.txt /home/ctf/chal/\n" +
			"ENTRYPOINT [\"/docker-init/docker-entrypoint.sh\"]\nCMD [\"/docker-init/nsjail-launcher.sh\"]\n",
		config: "mode: LISTEN port: 1337 max_conns_per_ip: 16 time_limit: 3 cwd: \"/chal\" envar: \"WHO=jailed\" uidmap {inside_id: \"1000\"}\n" +
			"mount: [ { src: \"/home/ctf/chal\" dst: \"/chal\", is_bind: true }, { src: \"/bin\", dst: \"/bin\", is_bind: true } ]\n" +
			"exec_bin { path: \"/chal/run\" arg: \"\" }\n",
	},
	"cyber": {
		image: "cybersecnatlab/challenge-jail:whaley-test",
		compose: "services: {web: {image: \"cybersecnatlab/challenge-jail:whaley-test\", privileged: true, init: true, ports: [\"38002:1337\"], " +
			"volumes: [\"./run:/home/user/chall:ro\"], environment: [\"FLAG=FLAG{cyber}\", \"TIMEOUT=60\"]}}\n",
	},
}

func TestJailsOfEachFamilyRunWithoutPrivilege(t *testing.T) {
	folder := t.TempDir()
	tags := []string{"build", "-q"}
	for name, j := range jailed {
		tags = append(tags, "-t", j.image)
		if err := os.MkdirAll(filepath.Join(folder, name), 0o755); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{
			"instance.toml": "name = \"" + name +
				"\"\ncategory = \"pwn\"\n[[routes]]\nservice = \"web\"\nport = 1337\ntype = \"port\"\n",
			"compose.yaml": orElse(j.compose, "services: {web: {build: ., privileged: true, ports: [\"1337:1337\"]}}\n"),
			"Dockerfile":   j.dockerfile, "run": "#!/bin/sh\nexec /bin/sh\n", "flag.txt": "FLAG{" + name + "}\n",
			"nsjail.cfg": j.config,
		} {
			if text != "" && (j.dockerfile != "" || file != "flag.txt") {
				write(t, filepath.Join(folder, name, file), text)
			}
		}
		if err := os.Chmod(filepath.Join(folder, name, "run"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("docker", append(tags, "-")...)
	build.Stdin = strings.NewReader(jailBase)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	t.Cleanup(func() {
		remove := []string{"image", "rm"}
		for _, j := range jailed {
			remove = append(remove, j.image)
		}
		if out, err := exec.Command("docker", remove...).CombinedOutput(); err != nil {
			t.Errorf("%v %s", err, out)
		}
	})
	s := startStack(
		t, &stack{binary: static(t)}, "127.0.0.1", "embedded", folder, "SANDBOX_POOL=2", "MAX_INSTANCES_PER_USER=9",
	)
	for name := range jailed {
		t.Run(name, func(t *testing.T) { inJail(t, s, name) })
	}
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func inJail(t *testing.T, s *stack, challenge string) {
	at := *s
	at.t = t
	in := at.running(alice, challenge)
	address := net.JoinHostPort("127.0.0.1", fmt.Sprint(in.Routes[0].Port))
	first, second := dialJail(t, address), dialJail(t, address) // at once
	for _, p := range []*prisoner{first, second} {
		if challenge == "kctf" {
			if line := p.line(); line != "== proof-of-work: disabled ==" {
				t.Errorf("it begins with %q", line)
			}
		}
		if flag := p.says("cat flag*"); !strings.HasPrefix(flag, "FLAG{"+challenge+"_") {
			t.Errorf("the flag is %q", flag)
		}
		if who := p.says("id -u"); who == "" || who == "0" || challenge == "nsjail" && who != "1000" {
			t.Errorf("it is user %q", who)
		}
		if challenge != "cyber" {
			if who := p.says("echo $WHO"); who != "jailed" {
				t.Errorf("its variables are not its author's: %q", who)
			}
		}
		outside := p.says("ls -d /jail /docker-init /whaley /nsjail.cfg /home/user/nsjail.cfg 2>/dev/null | grep -c .")
		if outside != "0" && challenge != "downunder" && challenge != "cyber" { // those have no root of their own
			t.Errorf("it sees what is outside: %q", p.says("ls /"))
		}
		for _, attempt := range []string{"kill -9 1", "chroot /", "cat /proc/1/environ", "mount -t tmpfs x /tmp"} {
			if out := p.says("(" + attempt + ") >/dev/null 2>&1 && echo yes || echo no"); out != "no" {
				t.Errorf("%s: %q", attempt, out)
			}
		}
	}
	switch challenge {
	case "redpwn": // users of their own, counted and ended
		if a, b := first.says("id -u"), second.says("id -u"); a == b {
			t.Errorf("both are user %s", a)
		}
		third := dialJail(t, address)
		if out := third.says("echo here"); out != "here" {
			t.Errorf("a third connection says %q", out)
		}
		if line := dialJail(t, address).line(); !strings.HasPrefix(line, "Too many connections") {
			t.Errorf("a fourth connection of one address is told %q", line)
		}
		third.conn.Close()
		second.says("kill -9 -1; echo")
		if out := second.says("(for n in 1 2 3 4 5 6 7 8 9; do sleep 1234 >/dev/null 2>&1 & done) 2>&1 | grep -c fork"); out != "1" && !strings.Contains(out, "can't fork") { // nor grep itself
			t.Errorf("nine more processes than six are begun: %q", out)
		}
	case "nsjail": // one user; what is left behind is ended with its connection
		if out := second.says("dd if=/dev/zero of=/dev/null bs=100M count=1 2>&1 | grep -c memory"); out != "1" {
			t.Errorf("it takes more memory than its limit: %q", out)
		}
		second.says("(setsid sh -c 'setsid sleep 1234 & setsid sleep 1234' &) >/dev/null 2>&1; echo")
	case "downunder": // has 3 s
		if _, err := io.ReadAll(second.conn); err != nil {
			t.Errorf("the connection is not closed after its time: %v", err)
		}
		return
	}
	second.conn.Close()
	if challenge == "redpwn" || challenge == "nsjail" {
		at.eventually("what a connection has left behind is ended", 60*time.Second, func() error {
			out, err := exec.Command("docker", "top", containers(t, in.ID)[0]).Output()
			if err == nil && strings.Contains(string(out), "1234") {
				err = fmt.Errorf("%s", out)
			}
			return err
		})
	}
	if out := first.says("echo still here"); out != "still here" {
		t.Errorf("the first connection says %q", out)
	}
	again := dialJail(t, address)
	if challenge == "kctf" {
		again.line()
	}
	if out := again.says("echo here"); out != "here" {
		t.Errorf("a further connection says %q", out)
	}
}

// prisoner is a player in a jail, with a shell.
type prisoner struct {
	conn  net.Conn
	lines *bufio.Scanner
}

func dialJail(t *testing.T, address string) *prisoner {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	return &prisoner{conn, bufio.NewScanner(conn)}
}

func (p *prisoner) line() string {
	p.lines.Scan()
	return p.lines.Text()
}

// says is the first line that a command prints.
func (p *prisoner) says(command string) string {
	fmt.Fprintf(p.conn, "%s; echo; echo end-of-it\n", command)
	var all []string
	for p.lines.Scan() && p.lines.Text() != "end-of-it" {
		all = append(all, p.lines.Text())
	}
	all = slices.DeleteFunc(all, func(line string) bool { return line == "" })
	if len(all) == 0 {
		return ""
	}
	return all[0]
}
