package system

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// jailed are challenges of the shape of each family of jails: an image like the family's, which is made here and whose own
// programs do nothing, and a challenge that is built on it as authors do. The program tells who and where it is.
var jailed = map[string]struct{ base, image, dockerfile, config string }{
	"redpwn": {
		base:       "FROM busybox:1.36\nRUN mkdir -p /jail && printf '#!/bin/sh\\nexit 1\\n' > /jail/run && chmod +x /jail/run\nCMD [\"/jail/run\"]\n",
		image:      "pwn.red/jail:whaley-test",
		dockerfile: "FROM busybox:1.36 AS app\nFROM pwn.red/jail:whaley-test\nCOPY --from=app / /srv\nCOPY run flag.txt /srv/app/\nENV JAIL_PORT=1337 JAIL_TIME=20 JAIL_CONNS_PER_IP=3 JAIL_ENV_WHO=jailed\n",
	},
	"kctf": {
		base:  "FROM busybox:1.36\nRUN for p in nsjail kctf_setup kctf_drop_privs kctf_pow; do printf '#!/bin/sh\\nexit 1\\n' > /usr/bin/$p; chmod +x /usr/bin/$p; done\n",
		image: "gcr.io/kctf-docker/challenge:whaley-test",
		dockerfile: "FROM busybox:1.36 AS chroot\nRUN mkdir -p /app\nCOPY run flag.txt /app/\nFROM gcr.io/kctf-docker/challenge:whaley-test\nCOPY --from=chroot / /chroot\nCOPY nsjail.cfg /home/user/\n" +
			"CMD kctf_setup && kctf_drop_privs nc -ll -p 1337 -e kctf_pow nsjail --config /home/user/nsjail.cfg -- /app/run\n",
		config: "mode: ONCE\nuidmap { inside_id: \"1000\" }\ngidmap { inside_id: \"1000\" }\nmount { src: \"/chroot\" dst: \"/\" is_bind: true }\ncwd: \"/app\"\nenvar: \"WHO=jailed\"\ntime_limit: 20\n",
	},
	"nsjail": {
		base:       "FROM busybox:1.36\nRUN printf '#!/bin/sh\\nexit 1\\n' > /usr/bin/nsjail && chmod +x /usr/bin/nsjail\n",
		image:      "event.example/nsjail:whaley-test",
		dockerfile: "FROM busybox:1.36 AS app\nFROM event.example/nsjail:whaley-test\nCOPY --from=app / /root-of-it\nCOPY run flag.txt /root-of-it/app/\nCOPY nsjail.cfg /\nCMD [\"nsjail\", \"--config\", \"/nsjail.cfg\"]\n",
		config:     "mode: LISTEN port: 1337 max_conns_per_ip: 3 time_limit: 20 cwd: \"/app\" envar: \"WHO=jailed\"\nmount { src: \"/root-of-it\" dst: \"/\" is_bind: true }\nuidmap { inside_id: \"1000\" }\ngidmap { inside_id: \"1000\" }\nexec_bin { path: \"/app/run\" }\n",
	},
}

const tells = "#!/bin/sh\necho \"$WHO $(id -u):$(id -g) in $(pwd)\"\nulimit -n\nls / | grep -c jail\ncat flag.txt\nread line\necho \"said $line\"\n"

func TestJailsOfEachFamilyRunWithoutPrivilege(t *testing.T) {
	folder := t.TempDir()
	for name, j := range jailed {
		build := exec.Command("docker", "build", "-q", "-t", j.image, "-")
		build.Stdin = strings.NewReader(j.base)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", j.image, err, out)
		}
		t.Cleanup(func() {
			if out, err := exec.Command("docker", "image", "rm", j.image).CombinedOutput(); err != nil {
				t.Errorf("%v %s", err, out)
			}
		})
		if err := os.MkdirAll(filepath.Join(folder, name), 0o755); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{
			"instance.toml": "name = \"" + name + "\"\ncategory = \"pwn\"\n[[routes]]\nservice = \"web\"\nport = 1337\ntype = \"port\"\n",
			"compose.yaml":  "services: {web: {build: ., privileged: true, ports: [\"1337:1337\"]}}\n",
			"Dockerfile":    j.dockerfile, "run": tells, "flag.txt": "FLAG{" + name + "}\n", "nsjail.cfg": j.config,
		} {
			write(t, filepath.Join(folder, name, file), text)
		}
		if err := os.Chmod(filepath.Join(folder, name, "run"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, pool := range []string{"SANDBOX_POOL=0", "SANDBOX_POOL=2"} {
		t.Run(pool, func(t *testing.T) {
			s := startStack(t, &stack{binary: static(t)}, "127.0.0.1", "embedded", folder, pool)
			for name := range jailed {
				t.Run(name, func(t *testing.T) { inJail(t, s, name) })
			}
		})
	}
}

func inJail(t *testing.T, s *stack, challenge string) {
	at := *s
	at.t = t
	in := at.running(alice, challenge)
	address := net.JoinHostPort("127.0.0.1", fmt.Sprint(in.Routes[0].Port))
	first, second := dialJail(t, address), dialJail(t, address) // at once
	for _, conn := range []net.Conn{first, second} {
		lines := bufio.NewScanner(conn)
		var said []string
		for len(said) < 4 && lines.Scan() {
			said = append(said, lines.Text())
		}
		if len(said) < 4 || said[0] != "jailed 1000:1000 in /app" || said[1] != "32" && challenge != "redpwn" || said[2] != "0" {
			t.Fatalf("it says %q", said)
		}
		if !strings.HasPrefix(said[3], "FLAG{"+challenge+"_") {
			t.Errorf("the flag is %s", said[3])
		}
		fmt.Fprintln(conn, "hello")
		if lines.Scan(); lines.Text() != "said hello" {
			t.Errorf("it answers %q", lines.Text())
		}
		if rest, err := io.ReadAll(conn); err != nil || len(rest) > 0 {
			t.Errorf("and then %q %v", rest, err)
		}
	}
}

func dialJail(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}
