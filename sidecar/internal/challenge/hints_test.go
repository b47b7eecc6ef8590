package challenge_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWhatAChallengeWillMissIsToldByFileAndLine(t *testing.T) {
	const dockerfile = "FROM busybox:1.36\n# chmod 4755 /no\nRUN chmod 4755 /readflag && \\\n    apt-get install -y openssh-server gdb\n" +
		"RUN apt-get install -y chromium\nCOPY start.sh run.sh /\nENTRYPOINT [\"/start.sh\"]\nCMD [\"sh\", \"/run.sh\"]\n"
	files := []string{
		"Dockerfile", dockerfile, "start.sh", "#!/bin/sh\r\nexec \"$@\"\r\n", "run.sh",
		"#!/bin/sh\n# npm install\ncd /app\nnpm install\nsetarch -R ./chall\n",
		"unused.sh", "#!/bin/sh\npip install x\n",
	}
	all := []string{
		`Dockerfile:3 allow_setuid = true in [security]`, `Dockerfile:4 capabilities = ["SYS_CHROOT"] in [security]`,
		`Dockerfile:4 capabilities = ["SYS_PTRACE"] in [security]`, `Dockerfile:5 memory = "1g" in [limits]`,
		`run.sh:4 egress = true at the top`, `run.sh:5 setarch -R is refused`, `start.sh:1 RUN sed -i 's/\r$//' start.sh`,
		`start.sh:1 RUN chmod +x`,
	}
	for name, c := range map[string]struct {
		toml, head string
		mode       os.FileMode
		want       []string
	}{
		"nothing is said": {"", "", 0o644, all},
		"all is said": {
			"egress = true\n",
			"[security]\nallow_setuid = true\ncapabilities = [\"SYS_CHROOT\", \"SYS_PTRACE\"]\n[limits]\nmemory = \"1g\"\n",
			0o755,
			[]string{all[3], all[5], all[6]}, // of 1g an instance has what the settings allow
		},
	} {
		dir := folder(t, c.toml+oneRoute+c.head, "services:\n  web: {build: .}\n", files...)
		if err := os.Chmod(filepath.Join(dir, "start.sh"), c.mode); err != nil {
			t.Fatal(err)
		}
		ch, err := load(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range ch.Notes {
			at := fmt.Sprintf("%s:%d ", strings.TrimPrefix(n.File, "web-test/"), n.Line)
			for _, w := range c.want {
				if strings.HasPrefix(w, at) && strings.Contains(n.Text, strings.TrimPrefix(w, at)) {
					at = w
					break
				}
			}
			got = append(got, at)
		}
		slices.Sort(got)
		want := slices.Sorted(slices.Values(c.want))
		if !slices.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s\n%v", name, strings.Join(got, "\n"), strings.Join(want, "\n"), ch.Notes)
		}
	}
}

func TestHintsCostNoMoreThanALook(t *testing.T) {
	command := strings.Repeat("\"a.sh\", ", 900)
	files := []string{"Dockerfile", "FROM busybox:1.36\nRUN " + strings.Repeat("chmod -R ", 20000) + "\n"}
	for n := range 40 {
		files = append(files, fmt.Sprintf("d%d/a.sh", n), "#!/bin/sh\n"+strings.Repeat("setarch a ", 6000)+"\n")
	}
	if _, err := load(t, folder(t, oneRoute, "services:\n  web: {build: ., command: ["+command+"\"a.sh\"]}\n", files...)); err != nil {
		t.Error(err)
	}
}
