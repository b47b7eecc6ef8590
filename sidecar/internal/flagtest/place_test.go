package flagtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const placeholder = "FLAG{the_base}"

// reading is a command in a container whose output must hold the owner's flag.
type reading struct {
	service string
	command []string
}

func sh(service, script string) reading { return reading{service, []string{"sh", "-c", script}} }

// challenges are all kinds of places that a flag can be in.
var challenges = []struct {
	id       string
	files    []string
	probes   []reading
	perOwner bool
}{
	{
		id: "text",
		files: []string{
			"flag.txt", placeholder + "\n", "app.js",
			"const flag = '" + placeholder + "'; // flag{x}\nvar again = `" + placeholder + "`;\n", "Dockerfile",
			"FROM busybox:1.36\nCOPY flag.txt app.js /srv/\nRUN chown 1000:1001 /srv/flag.txt && chmod 4640 /srv/flag.txt && touch -d @1500000000 /srv/flag.txt && ln /srv/flag.txt /linked" +
				listen,
		},
		probes: []reading{
			sh("web", "cat /srv/flag.txt"), sh("web", "cat /linked"), sh("web", "grep const /srv/app.js"),
			sh("web", "grep again /srv/app.js"),
		},
	},
	{
		id: "wide",
		files: []string{
			"flag.txt", "\xff\xfeF\x00L\x00A\x00G\x00{\x00b\x00}\x00", "Dockerfile",
			"FROM busybox:1.36\nCOPY flag.txt /" + listen,
		},
		probes: []reading{sh("web", "tr -d '\\0' < /flag.txt")},
	},
	{
		id: "binary",
		files: []string{
			"main.c",
			"#include <stdio.h>\nstatic const char flag[] = \"" + placeholder + "\";\nint main(void) { puts(flag); return 0; }\n",
			"Dockerfile",
			"FROM tcc:0.9 AS build\nCOPY main.c /\nRUN cc -o /program /main.c\nFROM busybox:1.36\nCOPY --from=build /program /program" +
				listen,
		},
		probes: []reading{{"web", []string{"/program"}}},
	},
	{
		id: "bytecode",
		files: []string{"secret.py", "def check(x):\n    return x == '" + placeholder + "'\nprint('" + placeholder + "')\n",
			"Dockerfile",
			"FROM python:3.11\nCOPY secret.py /app/secret.py\nRUN [\"python3\", \"-c\", \"import py_compile; py_compile.compile('/app/secret.py', '/app/secret.pyc')\"]\nRUN rm /app/secret.py" +
				listen},
		probes: []reading{{"web", []string{"python3", "/app/secret.pyc"}}},
	},
	{id: "cached", files: []string{"secret.py", "FLAG = '" + placeholder + "'\n",
		"Dockerfile",
		"FROM python:3.11\nCOPY secret.py /app/secret.py\nRUN [\"python3\", \"-c\", \"import py_compile; py_compile.compile('/app/secret.py')\"]" +
			listen},
		probes: []reading{{
			"web",
			[]string{
				"python3", "-c", "import sys; sys.path.insert(0, '/app'); import secret; print(secret.FLAG, secret.__cached__)",
			},
		}}},
	{
		id: "sqlite",
		files: []string{
			"schema.sql", "CREATE TABLE users (name TEXT, secret TEXT); CREATE INDEX by_secret ON users (secret);\n" +
				strings.Repeat("INSERT INTO users VALUES ('somebody', 'nothing');\n", 300) + "INSERT INTO users VALUES ('admin', '" + placeholder + "');\n",
			"Dockerfile",
			"FROM busybox:1.36\nCOPY mkdb /mkdb\nCOPY schema.sql /tmp/schema.sql\nRUN /mkdb /app.db /tmp/schema.sql && rm /tmp/schema.sql" +
				listen,
		},
		probes: []reading{
			{"web", []string{"/mkdb", "/app.db", "SELECT secret FROM users WHERE name = 'admin'"}},
			{
				"web",
				[]string{
					"/mkdb", "/app.db", "SELECT secret || x FROM users, (SELECT '' x) WHERE secret > 'FLAG{' AND secret < 'FLAG~'",
				},
			},
		},
	},
	{
		id: "environment",
		files: []string{
			"compose.yaml",
			"services:\n  web:\n    build: .\n    environment: {SECRET: '" + placeholder +
				"', OTHER: '${FLAG}', THIRD: '$DYNAMIC_FLAG'}\n    command: [/bin/sh, -c, 'echo ${FLAG} > /tmp/flag; exec busybox nc -ll -p 9000 -e true']\n",
			"Dockerfile", "FROM busybox:1.36" + listen,
		},
		probes: []reading{
			sh("web", "echo $SECRET"), sh("web", "echo $OTHER"), sh("web", "echo $THIRD"), sh("web", "cat /tmp/flag"),
		},
	},
	{
		id: "env-file",
		files: []string{
			"compose.yaml", "services:\n  web:\n    build: .\n    env_file: app.env\n", "app.env",
			"SECRET=" + placeholder + "\n", "Dockerfile", "FROM busybox:1.36" + listen,
		},
		probes: []reading{sh("web", "echo $SECRET")},
	},
	{
		id:     "place-env",
		files:  []string{"instance.toml", oneRoute + "[flag]\nplace = \"env\"\n", "Dockerfile", "FROM busybox:1.36" + listen},
		probes: []reading{sh("web", "echo $FLAG")},
	},
	{
		id: "settings",
		files: []string{
			"Dockerfile",
			"FROM busybox:1.36\nENV SECRET=" + placeholder +
				"\nENTRYPOINT [\"sh\", \"-c\", \"echo $0 > /tmp/flag; exec busybox nc -ll -p 9000 -e true\"]\nCMD [\"" +
				placeholder + "\"]\n",
		},
		probes: []reading{sh("web", "echo $SECRET"), sh("web", "cat /tmp/flag")},
	},
	{
		id: "mounted-over",
		files: []string{
			"compose.yaml", "services:\n  web:\n    build: .\n    volumes: ['./:/app:ro', './app.js:/srv/app.js:ro']\n",
			"flag.txt", placeholder + "\n", "app.js", "'" + placeholder + "'\n", "Dockerfile",
			"FROM busybox:1.36\nCOPY . /app\nCOPY app.js /srv/\nRUN ln /app/flag.txt /linked" + listen,
		},
		probes: []reading{sh("web", "cat /app/flag.txt"), sh("web", "cat /srv/app.js"), sh("web", "cat /linked")},
	},
	{
		id: "argument",
		files: []string{"compose.yaml", "services: {web: {build: {context: ., args: {SECRET: '" + placeholder + "'}}}}\n",
			"Dockerfile", "FROM busybox:1.36\nARG SECRET\nRUN echo $SECRET > /flag" + listen},
		probes: []reading{sh("web", "cat /flag")},
	},
	{
		id: "mounted",
		files: []string{
			"compose.yaml", "services:\n  web:\n    build: .\n    volumes: ['./one.txt:/one.txt', './many:/many:ro']\n",
			"one.txt", placeholder, "many/deep/two.txt", "x " + placeholder + "\n", "many/other.txt", "nothing", "Dockerfile",
			"FROM busybox:1.36" + listen,
		},
		probes: []reading{sh("web", "cat /one.txt"), sh("web", "cat /many/deep/two.txt && cat /many/other.txt")},
	},
	{
		id: "readonly",
		files: []string{
			"compose.yaml", "services: {web: {build: ., read_only: true, user: '1000', volumes: ['./one.txt:/one.txt']}}\n",
			"one.txt", placeholder, "flag.txt", placeholder, "Dockerfile",
			"FROM busybox:1.36\nCOPY flag.txt /srv/flag.txt\nRUN chown 1000:1001 /srv/flag.txt && chmod 400 /srv/flag.txt && touch -d @1500000000 /srv/flag.txt && ln /srv/flag.txt /linked" +
				listen,
		},
		probes: []reading{sh("web", "cat /srv/flag.txt"), sh("web", "cat /linked"), sh("web", "cat /one.txt")},
	},
	{
		id: "volume",
		files: []string{
			"compose.yaml", "services: {web: {build: ., volumes: ['data:/data']}}\nvolumes: {data: {}}\n", "flag.txt",
			placeholder, "Dockerfile",
			"FROM busybox:1.36\nCOPY flag.txt /data/flag.txt\nCOPY flag.txt /more/flag.txt\nVOLUME /more" + listen,
		},
		probes: []reading{sh("web", "cat /data/flag.txt"), sh("web", "cat /more/flag.txt")},
	},
	{
		id: "services",
		files: []string{
			"compose.yaml",
			"services:\n  web: {build: web, depends_on: [db]}\n  db: {build: {context: ., dockerfile: db/Dockerfile}, read_only: true}\n  plain: {build: plain}\n",
			"flag.txt", placeholder, "web/index.html", "<!-- " + placeholder + " -->", "web/Dockerfile",
			"FROM busybox:1.36\nCOPY index.html /www/index.html" + listen, "db/Dockerfile",
			"FROM busybox:1.36\nCOPY flag.txt /flag.txt" + listen, "plain/Dockerfile", "FROM busybox:1.36" + listen,
		},
		probes: []reading{sh("web", "cat /www/index.html"), sh("db", "cat /flag.txt")},
	},
	{
		id: "buildkit",
		files: []string{
			"flag.txt", placeholder, "Dockerfile",
			"FROM busybox:1.36\nRUN --mount=type=bind,target=/context cp /context/flag.txt /flag.txt" + listen,
		},
		probes: []reading{sh("web", "cat /flag.txt")},
	},
	{
		id: "packed", perOwner: true,
		files: []string{
			"flag.txt", placeholder, "Dockerfile",
			"FROM busybox:1.36 AS pack\nCOPY flag.txt /\nRUN gzip /flag.txt\nFROM busybox:1.36\nCOPY --from=pack /flag.txt.gz /" +
				listen,
		},
		probes: []reading{sh("web", "zcat /flag.txt.gz")},
	},
	{
		id: "encoded", perOwner: true,
		files: []string{
			"flag.txt", placeholder, "Dockerfile",
			"FROM busybox:1.36 AS pack\nCOPY flag.txt /\nRUN base64 /flag.txt > /encoded\nFROM busybox:1.36\nCOPY --from=pack /encoded /" +
				listen,
		},
		probes: []reading{sh("web", "base64 -d /encoded")},
	},
	{
		id: "hidden", perOwner: true,
		files: []string{
			"flag.txt", placeholder, "Dockerfile",
			"FROM busybox:1.36 AS hide\nCOPY flag.txt /\nRUN tr a-zA-Z0-9 b-zaB-ZA1-90 < /flag.txt > /hidden\nFROM busybox:1.36\nCOPY --from=hide /hidden /" +
				listen,
		},
		probes: []reading{sh("web", "tr b-zaB-ZA1-90 a-zA-Z0-9 < /hidden")},
	},
	{
		id: "place-build", perOwner: true,
		files: []string{
			"instance.toml", oneRoute + "[flag]\nplace = \"build\"\n", "flag.txt", placeholder, "Dockerfile",
			"FROM busybox:1.36\nCOPY flag.txt /flag.txt" + listen,
		},
		probes: []reading{sh("web", "cat /flag.txt")},
	},
}

// tool is the static program mkdb.
func tool(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mkdb")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./mkdb")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(binary)
}

// Wherever the placeholder stands, each owner finds their own flag, the same at the next start, and nothing else; no image
// is built for that unless the flag can be put in no other way.
func TestEveryOwnerFindsTheirFlagWhereverThePlaceholderStands(t *testing.T) {
	w := newWorld(t, 0)
	for _, c := range challenges {
		files := c.files
		if c.id == "sqlite" {
			files = append(files, "mkdb", tool(t))
			if err := os.MkdirAll(filepath.Join(w.folder, c.id), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		w.write(c.id, files...)
	}
	os.Chmod(filepath.Join(w.folder, "sqlite", "mkdb"), 0o755)
	secret := filepath.Join(w.folder, "mounted", "one.txt")
	stamp := time.Unix(1400000000, 0)
	if os.Chown(secret, 1234, 5678) != nil || os.Chmod(secret, 0o444) != nil || os.Chtimes(secret, stamp, stamp) != nil {
		t.Fatal("the mounted file cannot be set up")
	}
	w.load()
	for _, c := range challenges {
		st := w.built(c.id)
		if st.State != whaley.BuildReady || st.PerOwner != c.perOwner || st.Placing == "" || len(st.Stages) == 0 ||
			st.Log == "" {
			t.Errorf("%s is built as %+v", c.id, st)
		}
	}
	for _, c := range challenges {
		t.Run(c.id, func(t *testing.T) {
			w.t = t
			ch, _ := w.library.Get(c.id)
			before := imagesOf(t, c.id)
			own := map[string]string{}
			owners := []string{"alice", "bob"}
			if c.id == "text" || c.id == "packed" {
				owners = append(owners, "alice") // what was built or made for her is used again
			}
			for _, owner := range owners {
				in := w.running(owner, c.id)
				values, _ := w.flags.Flags(t.Context(), whaley.Owner{ID: owner}, ch)
				flag := values[0]
				for _, p := range c.probes {
					if out := w.inside(in, p.service, p.command...); strings.Count(out, flag) != 1 || strings.Count(out, "FLAG{") != 1 {
						t.Errorf("%s sees %q by %v, and not once %s", owner, out, p.command, flag)
					}
				}
				own[owner] = flag
				for _, s := range ch.Services {
					all := w.everything(in, s.Name)
					for what, text := range map[string]string{
						"a placeholder": placeholder, "the core": ch.Flag.Core,
						"another's flag": own[map[string]string{"alice": "bob", "bob": "alice"}[owner]],
					} {
						if text != "" && strings.Contains(all, text) {
							t.Errorf("%s finds %s in %s", owner, what, s.Name)
						}
					}
				}
				w.metadata(c.id, in)
				w.stop(owner, in)
			}
			if own["alice"] == own["bob"] {
				t.Error("two owners have one flag")
			}
			after := imagesOf(t, c.id)
			if want := len(before); c.perOwner && len(after) != want+2 || !c.perOwner && len(after) != want {
				t.Errorf("images were %v and are %v", before, after)
			}
			if c.perOwner {
				st := w.built(c.id)
				if len(st.Owners) != 2 {
					t.Errorf("%+v", st.Owners)
				}
			}
		})
	}
	w.t = t
	if log := w.log.String(); strings.Contains(log, "FLAG{") {
		t.Error("a flag is in the log")
	}
	for _, name := range []string{"mounted/one.txt", "readonly/one.txt"} {
		if text, err := os.ReadFile(filepath.Join(w.folder, name)); err != nil || string(text) != placeholder {
			t.Errorf("%s is now %q %v", name, text, err)
		}
	}
	objects, err := w.engine.List(t.Context(), "")
	if err != nil || len(objects) > 0 {
		t.Errorf("left: %+v %v", objects, err)
	}
}

// metadata checks owner, mode and time of files that were patched or copied.
func (w *world) metadata(id string, in *whaley.Instance) {
	w.t.Helper()
	for at, want := range map[string]string{
		"text /srv/flag.txt": "1000 1001 4640 1500000000 2", "readonly /srv/flag.txt": "1000 1001 400 1500000000",
		"mounted /one.txt": "1234 5678 444 1400000000",
	} {
		challenge, file, _ := strings.Cut(at, " ")
		if challenge != id {
			continue
		}
		if got := strings.TrimSpace(w.inside(in, "web", "stat", "-c", "%u %g %a %Y %h", file)); !strings.HasPrefix(got, want) {
			w.t.Errorf("%s is %q, want %q", at, got, want)
		}
	}
}

func imagesOf(t testing.TB, challenge string) []string {
	t.Helper()
	out, err := exec.Command(
		"docker", "images", "-q", "--filter", "label=whaley.challenge="+challenge, "--format", "{{.Repository}}:{{.Tag}}",
	).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}
