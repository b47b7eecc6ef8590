package jail

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAConfigurationIsReadAsNsjailReadsIt(t *testing.T) {
	c, err := Parse(`
# as authors write them
name: "pwn" mode: LISTEN, port: 1337;
time_limit: 60  max_conns_per_ip: 4
rlimit_as_type: HARD rlimit_cpu: 30
rlimit_fsize: 0x10 rlimit_stack_type: INF
envar: "A=b" 'c'
envar: ["PATH", "X=\x41\101"]
uidmap { inside_id: "1337" outside_id: "1000" }
gidmap < inside_id: "0" >
mount { src: "/chroot" dst: "/" is_bind: true }
mount: [ { dst: "/tmp" fstype: "tmpfs" rw: true }, { src: "/flag" dst: "/home/ctf/flag" is_bind: true } ]
mount { dst: "/etc/motd" src_content: "hi" }
seccomp_string: "ALLOW { read } DEFAULT KILL"
cgroup_pids_max: 20 cgroup_mem_max: 0
cwd: "/home/ctf"
exec_bin { path: "/bin/sh" arg: "-c" arg: "exec ./run" }
something_new { inner: 1 }
`)
	if err != nil {
		t.Fatal(err)
	}
	if c.Mode != Listen || c.Port != 1337 || c.Time != time.Minute || c.ConnsPerAddress != 4 || c.Root != "/chroot" || c.Dir != "/home/ctf" ||
		c.UID != 1337 || c.GID != defaultUser {
		t.Errorf("%+v", c)
	}
	if want := map[Resource]uint64{CPU: 30, FileSize: 16 << 20, Core: 0, OpenFiles: 32}; !cmp.Equal(c.Limits, want) {
		t.Errorf("limits %v", c.Limits)
	}
	if want := []string{"A=bc", "PATH", "X=AA"}; !slices.Equal(c.Env, want) {
		t.Errorf("variables %q", c.Env)
	}
	if want := []string{"/bin/sh", "-c", "exec ./run"}; !slices.Equal(c.Command, want) {
		t.Errorf("program %q", c.Command)
	}
	if want := []File{{Target: "/tmp", Folder: true}, {Target: "/home/ctf/flag", Source: "/flag"}, {Target: "/etc/motd", Content: "hi"}}; !cmp.Equal(c.Files, want) {
		t.Errorf("files %+v", c.Files)
	}
	said := strings.Join(c.Notes, "\n")
	for _, want := range []string{"gidmap: root", "seccomp_string", "cgroup_pids_max", "something_new is left out"} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing is said of %s in\n%s", want, said)
		}
	}
	if strings.Contains(said, "cgroup_mem_max") {
		t.Errorf("a limit of 0 is none: %s", said)
	}
}

func TestABrokenConfigurationIsToldByLine(t *testing.T) {
	for text, want := range map[string]string{
		"port: x":                      "line 1: port: \"x\" is no number",
		"\nmode: SOMETIMES":            "line 2: mode: \"SOMETIMES\" is no mode",
		"cwd: \"/":                     "line 1: a text has no end",
		"mount {":                      "line 1: the name of a field is missing",
		"exec_bin":                     "line 1: exec_bin has no value",
		"a: [ 1":                       "line 1: a has no value",
		"cwd: \"\\q\"":                 "is no text",
		"}":                            "the name of a field is missing",
		strings.Repeat("a{", 99):       "more than 16 deep",
		strings.Repeat("#", maxText+1): "it may have",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %s", text, err, want)
		}
	}
}

func FuzzConfiguration(f *testing.F) {
	f.Add("mode: LISTEN port: 1 mount { dst: \"/\" }")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = Parse(text) })
}

func TestTheCommandLineIsRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nsjail.cfg")
	if err := os.WriteFile(file, []byte("mode: LISTEN port: 1 time_limit: 5 exec_bin { path: \"/old\" }"), 0o644); err != nil {
		t.Fatal(err)
	}
	for line, check := range map[string]func(c *Config) bool{
		"--config " + file + " --port 1337 -- /bin/sh -i": func(c *Config) bool {
			return c.Mode == Listen && c.Port == 1337 && c.Time == 5*time.Second && slices.Equal(c.Command, []string{"/bin/sh", "-i"})
		},
	} {
		c, err := Arguments(strings.Fields(line))
		if check != nil && (err != nil || !check(c)) {
			t.Errorf("%s: %v %+v", line, err, c)
		}
	}
	c, err := Arguments(strings.Fields("-M l --port=1337 --user 1000:1000 -R /flag:/f -T /tmp --chroot /jail -q --rlimit_as max --env A=b --cgroup_pids_max=5 -t 9 -- /run it"))
	if err != nil || c.Mode != Listen || c.Port != 1337 || c.UID != 1000 || c.Root != "/jail" || c.Time != 9*time.Second || !slices.Equal(c.Command, []string{"/run", "it"}) {
		t.Errorf("%v %+v", err, c)
	}
	if _, limited := c.Limits[AddressSpace]; limited || len(c.Files) != 2 {
		t.Errorf("%+v", c)
	}
	if _, err := Arguments([]string{"--port"}); err == nil {
		t.Error("a value that is missing is not told")
	}
}

func TestTheVariablesOfRedpwnsJail(t *testing.T) {
	text, err := redpwn([]string{"JAIL_PORT=1337", "JAIL_TIME=0", "JAIL_CONNS_PER_IP=3", "JAIL_ENV_A=it's \"b\"", "JAIL_TMP_SIZE=5M", "PATH=/bin", "JAIL_MEM=10M", "JAIL_POW=1500"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if c.Mode != Listen || c.Port != 1337 || c.Time != 0 || c.ConnsPerAddress != 3 || c.Root != "/srv" || c.Dir != "/app" || c.UID != 1000 ||
		!slices.Equal(c.Command, []string{"/app/run"}) || !slices.Equal(c.Env, []string{"A=it's \"b\""}) {
		t.Errorf("%+v", c)
	}
	if said := strings.Join(c.Notes, " "); !strings.Contains(said, "proof_of_work") || !strings.Contains(said, "cgroup_mem_max") {
		t.Error(said)
	}
	if _, err := redpwn([]string{"JAIL_TIME=soon"}); err == nil || !strings.Contains(err.Error(), "JAIL_TIME") {
		t.Error(err)
	}
}
