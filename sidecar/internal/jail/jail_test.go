package jail

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
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
uidmap { inside_id: "1337" outside_id: "1001" }
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
	if c.Mode != Listen || c.Port != 1337 || c.Time != time.Minute || c.ConnsPerAddress != 4 || c.Root != "/chroot" ||
		c.Dir != "/home/ctf" || c.UID != 1001 || c.GID != defaultUser || c.Pids != 20 {
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
	if want := []File{
		{Target: "/tmp", Folder: true}, {Target: "/home/ctf/flag", Source: "/flag"}, {Target: "/etc/motd", Content: "hi"},
	}; !cmp.Equal(c.Files, want) {
		t.Errorf("files %+v", c.Files)
	}
	said := strings.Join(c.Notes, "\n")
	for _, want := range []string{"gidmap: it is 1000 here", "seccomp_string", "something_new is left out"} {
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
	for line, want := range map[string]Config{
		"--config " + file + " --port 1337 -- /bin/sh -i": {
			Mode: Listen, Port: 1337, Time: 5 * time.Second, Command: []string{"/bin/sh", "-i"},
		},
		"-C" + file + " -vQt 7": {
			Mode: Listen, Port: 1, Time: 7 * time.Second, Command: []string{"/old"},
		},
		"-Ml --port=1337 -Nvt9 --really_quiet --disable_proc /run it": {
			Mode: Listen, Port: 1337, Time: 9 * time.Second, Command: []string{"/run", "it"},
		},
		"-Mo -t 0 --hostname ctf --max_cpus 1 --rlimit_as max -- ./main": {Mode: Once, Command: []string{"./main"}},
		"-Q --mode l -p 1 --bindhost 0.0.0.0 -- a --port 2": {
			Mode: Listen, Port: 1, Time: 10 * time.Minute, Command: []string{"a", "--port", "2"},
		},
	} {
		c, err := Arguments(strings.Fields(line))
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if got := (Config{Mode: c.Mode, Port: c.Port, Time: c.Time, Command: c.Command}); !cmp.Equal(got, want) {
			t.Errorf("%s: %s", line, cmp.Diff(want, got))
		}
	}
	c, err := Arguments(strings.Fields(
		"-Ml -u 0:1001:1 -g1002 -R /flag:/f -T /tmp --chroot /jail --rlimit_as max --env A=b --cgroup_pids_max=5 -- /run",
	))
	if err != nil || c.UID != 1001 || c.GID != 1002 || c.Root != "/jail" || c.Pids != 5 || len(c.Files) != 2 ||
		!slices.Equal(c.Env, []string{"A=b"}) {
		t.Errorf("%v %+v", err, c)
	}
	if _, limited := c.Limits[AddressSpace]; limited {
		t.Error("a limit of max is none")
	}
	for _, broken := range []string{"--port", "-p", "-?"} {
		if _, err := Arguments([]string{broken}); err == nil {
			t.Errorf("%s is not told", broken)
		}
	}
}

func FuzzCommandLine(f *testing.F) {
	f.Add("-Ml --port 1 -R /a:/b -- /run")
	f.Fuzz(func(_ *testing.T, line string) {
		if strings.Contains(line, "-C") || strings.Contains(line, "config") {
			return // files of this machine are not what it is about
		}
		_, _ = Arguments(strings.Fields(line))
	})
}

func TestTheVariablesOfCybersecnatlabsJail(t *testing.T) {
	c, err := cyber([]string{"TIMEOUT=120", "TEMPDIRS=/home/user/tmp /tmp", "RLIMIT_FSIZE=4", "RLIMIT_CPU=7", "POW_BITS=26", "POW_SECRET=x"})
	if err != nil || c.Mode != Listen || c.Port != 1337 || c.Time != 2*time.Minute || c.Dir != "/home/user" ||
		c.Limits[FileSize] != 4<<20 || c.Limits[CPU] != 7 || c.Zeros != 26 ||
		!cmp.Equal(c.Files, []File{{Target: "/home/user/tmp", Folder: true}, {Target: "/tmp", Folder: true}}) ||
		!slices.Equal(c.Notes, []string{"POW_SECRET is left out"}) {
		t.Errorf("%v %+v", err, c)
	}
	for _, broken := range []string{"TIMEOUT=soon", "POW_BITS=many", "RLIMIT_CPU=little"} {
		if _, err := cyber([]string{broken}); err == nil {
			t.Errorf("%s is not told", broken)
		}
	}
}

func TestWhatAJailMountsIsInIt(t *testing.T) {
	outside, root := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{"flag": "FLAG{}", "data/deep/file": "x"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(outside, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(outside, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc", filepath.Join(root, "out")); err != nil {
		t.Fatal(err)
	}
	c := &Config{Root: root, Files: []File{
		{Target: "/home/flag", Source: filepath.Join(outside, "flag")},
		{Target: "/data", Source: filepath.Join(outside, "data")},
		{Target: "/tmp", Folder: true}, {Target: "/etc/motd", Content: "hi"},
		{Target: "/none", Source: filepath.Join(outside, "none")},
		{Target: "/out/whaley-test", Content: "escaped"}, {Target: "/itself", Source: root},
	}}
	if err := c.lay(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"home/flag": "FLAG{}", "data/deep/file": "x", "etc/motd": "hi"} {
		if text, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(text) != want {
			t.Errorf("%s: %q %v", name, text, err)
		}
	}
	if info, err := os.Stat(filepath.Join(root, "tmp")); err != nil || info.Mode().Perm() != 0o777 {
		t.Errorf("/tmp: %v %v", info, err)
	}
	if _, err := os.Stat("/etc/whaley-test"); err == nil {
		t.Error("it was put outside the root")
	}
	said := strings.Join(c.Notes, "\n")
	for _, want := range []string{
		"/none is not in the jail", "/out/whaley-test is not in the jail", "/itself is not in the jail",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing is said of %s in\n%s", want, said)
		}
	}
}

func TestConnectionsHaveAUserOfTheirOwnUnlessTheRootKnowsOne(t *testing.T) {
	const mine, other = 0, 5 // of the user who has made the files
	for name, c := range map[string]struct {
		path, text string
		mode       os.FileMode
		user       int
		shared     string
	}{
		"nothing":             {"srv/app/run", "", 0o755, other, ""},
		"a name":              {"etc/passwd", "root:x:0:0::/:\nctf:x:%d:1000::/:\n", 0o644, other, "as ctf"},
		"another's name":      {"etc/passwd", "root:x:0:0::/:\nctf:x:7%d:1000::/:\n", 0o644, other, ""},
		"a file of its own":   {"app/flag", "", 0o400, mine, "alone"},
		"a file of another's": {"app/flag", "", 0o400, other, ""},
		"in a system's":       {"usr/lib/x", "", 0o600, other, ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			user := os.Getuid() + c.user
			path := filepath.Join(root, c.path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(strings.ReplaceAll(c.text, "%d", strconv.Itoa(user))), c.mode); err != nil {
				t.Fatal(err)
			}
			got := (&Config{Root: root, UID: user}).shared()
			if (got == "") != (c.shared == "") || !strings.Contains(got, c.shared) {
				t.Errorf("%q, want %q", got, c.shared)
			}
		})
	}
}

func TestTheVariablesOfRedpwnsJail(t *testing.T) {
	text, err := redpwn([]string{
		"JAIL_PORT=1337", "JAIL_TIME=0", "JAIL_CONNS_PER_IP=3", "JAIL_ENV_A=it's \"b\"", "JAIL_TMP_SIZE=5M", "PATH=/bin",
		"JAIL_MEM=10M", "JAIL_POW=1500", "JAIL_SYSCALLS=pkey_alloc,\"x\"",
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if c.Mode != Listen || c.Port != 1337 || c.Time != 0 || c.ConnsPerAddress != 3 || c.Root != "/srv" ||
		c.Dir != "/app" || c.UID != 1000 || !slices.Equal(c.Command, []string{"/app/run"}) ||
		!slices.Equal(c.Env, []string{"A=it's \"b\""}) {
		t.Errorf("%+v", c)
	}
	if said := strings.Join(c.Notes, " "); c.Work != 1500 || !strings.Contains(said, "cgroup_mem_max") ||
		!strings.Contains(said, "JAIL_SYSCALLS is left out") {
		t.Error(said)
	}
	if _, err := redpwn([]string{"JAIL_TIME=soon"}); err == nil || !strings.Contains(err.Error(), "JAIL_TIME") {
		t.Error(err)
	}
}
