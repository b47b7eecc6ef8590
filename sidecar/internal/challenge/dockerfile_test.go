package challenge_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// No builder gives a RUN the host's rights; an author is told before.
func TestARunThatAsksForTheHostIsRefusedByLine(t *testing.T) {
	for text, line := range map[string]int{
		"FROM x\nRUN --security=insecure mount\n":                                    2,
		"FROM x\n\nrun --mount=type=cache,target=/x --network=host wget x\n":         3,
		"FROM x\nRUN \\\n  --network=none \\\n  --security=\"insecure\" true\n":      2,
		"FROM x\nONBUILD RUN --device=vendor.com/gpu=all true\n":                     2,
		"FROM x\nRUN --network=none make\n":                                          0,
		"FROM x\nRUN docker run --network=host x; sudo --security=insecure\n":        0,
		"FROM x\n# RUN --security=insecure\nRUN --mount=type=tmpfs,target=/x true\n": 0,
	} {
		_, err := load(t, folder(
			t, oneRoute, "services:\n  web:\n    build: .\n", "Dockerfile", text,
		))
		if said := fmt.Sprint(err); (line > 0) != (err != nil) || !strings.Contains(said, fmt.Sprintf("Dockerfile:%d: RUN", line)) && line > 0 {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestADockerfileThatLetsTheEngineFetchIsRefusedByLine(t *testing.T) {
	for _, c := range []struct {
		line int // 0: taken
		text string
	}{
		{2, "FROM x\nADD http://127.0.0.1:8001/health /x\n"},
		{2, "FROM x\nadd HTTPS://example.com/x /x\n"},
		{2, "FROM x\n\tADD --chown=1:1 --checksum=sha256:0 https://example.com/x /x\n"},
		{2, "FROM x\nADD a.txt http://169.254.169.254/latest/ /x/\n"},
		{2, "FROM x\nADD [\"http://10.0.0.1/x\", \"/x\"]\n"},
		{2, "FROM x\nADD \"ht\"tp://10.0.0.1/x /x\n"},
		{2, "FROM x\nADD h\\ttp://10.0.0.1/x /x\n"},
		{2, "FROM x\nADD \\\n  http://10.0.0.1/x /x\n"},
		{2, "FROM x\nA\\\nDD http://10.0.0.1/x /x\n"},
		{2, "FROM x\nADD \\  \n# a remark\n\n http://10.0.0.1/x /x\n"},
		{3, "# escape=`\nFROM x\nADD `\n http://10.0.0.1/x /x\n"},
		{2, "FROM x\r\nADD \\\r\n http://10.0.0.1/x /x\r\n"},
		{2, "FROM x\nONBUILD ADD http://10.0.0.1/x /x\n"},
		{0, "ARG X=http://10.0.0.1/x\nFROM x\nADD $X /x\n"}, // BuildKit's guard refuses it when it is built
		{2, "FROM x\nADD ${A:-http}://10.0.0.1/x /x\n"},
		{2, "FROM x\nADD http$X /x\n"},
		{2, "FROM x\nADD git@github.com:a/b.git /x\n"},
		{2, "FROM x\nADD https://github.com/a/b.git#main /x"},
		{2, "FROM x\nADD http://github.com/a/b/tini /x\n"},
		{2, "FROM x\nADD https://github.com.evil.org/a/b /x\n"},
		{2, "FROM x\nADD https://github.com@10.0.0.1/a/b /x\n"},
		{2, "FROM x\nADD https://github.com\\@10.0.0.1/a/b /x\n"},
		{2, "FROM x\nADD https://github.com:8443/a/b /x\n"},
		{2, "FROM x\nADD https://github.com/a/b.git /x\n"},
		{2, "FROM x\nADD https://$X/a/b /x\n"},
		{2, "FROM x\nADD https://github.com$X/a/b /x\n"},
		{2, "FROM x\nADD https://github.com/a/$X /x\n"},
		{3, "FROM x\nARG X=1\nADD https://github.com/a/$X /x\n"},
		{4, "FROM x\nENV X 1\nFROM y\nADD https://github.com/a/$X /x\n"},
		{4, "FROM x\nENV X 1\nENV Y=2 X=b.git#\nADD https://github.com/a/$X /x\n"},
		{3, "FROM x\nENV X b.git\nADD https://github.com/a/$X /x\n"},
		{2, "FROM x\nADD https://github.com/a/b/tini http://10.0.0.1/x /x\n"},
		{0, "FROM x\nADD https://github.com/a/b/releases/download/v1/tini /tini\n"},
		{0, "FROM x\nADD --chmod=755 https://dl.google.com/linux/direct/chrome_amd64.deb /tmp/\n"},
		{
			0,
			"FROM x\nENV TINI_VERSION v0.19.0\nADD https://github.com/krallin/tini/releases/download/${TINI_VERSION}/tini /tini\n",
		},
		{0, "FROM x\nENV V=\"1.2\"\nADD [\"https://raw.githubusercontent.com/a/b/$V/install.sh\", \"/x\"]\n"},
		{4, "FROM x\nRUN <<EOF\necho \\\nADD http://10.0.0.1/x /x\n"},
		{0, "FROM x\nADD app.tar.gz /app\n"},
		{0, "FROM x\nADD app-${VERSION}.tar.gz $HOME/\n"},
		{0, "FROM x\nADD --chown=a:b [\"a b\", \"/x\"]\n"},
		{0, "FROM x\n# ADD http://10.0.0.1/x /x\nRUN wget http://10.0.0.1/x && echo ADD http://x y\n"},
		{0, "FROM x\nCOPY . .\nRUN echo a \\\n ADD http://10.0.0.1/x /x\n"},
	} {
		_, err := load(t, folder(t, oneRoute, "services: {web: {build: .}}\n", "Dockerfile", c.text))
		want := fmt.Sprintf("web-test/Dockerfile:%d: ADD: is not allowed with an address", c.line)
		if c.line == 0 && err != nil || c.line > 0 && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%q: %v, want line %d", c.text, err, c.line)
		}
	}
}

func TestADockerfileMayBeInLowerCase(t *testing.T) {
	for _, c := range []struct{ compose, with, want string }{
		{"services: {web: {build: .}}\n", "dockerfile", "dockerfile"},
		{"services: {web: {build: {context: .}}}\n", "dockerfile", "dockerfile"},
		{"services: {web: {build: {context: ., dockerfile: Dockerfile}}}\n", "dockerfile", "dockerfile"},
		{"services: {web: {build: {context: ., dockerfile: Dockerfile.prod}}}\n", "dockerfile.prod", "dockerfile.prod"},
		{"services: {web: {build: .}}\n", "DOCKERFILE", "DOCKERFILE"},
		{"services: {web: {build: .}}\n", "Dockerfile.prod", ""},
	} {
		dir := folder(t, oneRoute, c.compose, c.with, "FROM busybox\n")
		_ = os.Remove(filepath.Join(dir, "Dockerfile")) // which folder makes where there is none
		ch, err := load(t, dir)
		switch {
		case c.want == "" && (err == nil || !strings.Contains(err.Error(), `there is no file "Dockerfile`)):
			t.Errorf("%s with %s: %v", c.compose, c.with, err)
		case c.want != "" && (err != nil || ch.Services[0].Build.Dockerfile != c.want):
			t.Errorf("%s with %s: %v", c.compose, c.with, err)
		}
	}
}

func TestWhatABuildReadsIsBounded(t *testing.T) {
	for what, c := range map[string][]string{
		`services.web.build.dockerfile: Dockerfile has more than 262144 bytes`: {
			"Dockerfile", strings.Repeat("# x\n", 70000),
		},
		`services.web.build.context: .dockerignore cannot be read: .dockerignore has more than 65536 bytes`: {
			".dockerignore", strings.Repeat("a\n", 40000),
		},
		`services.web.build.context: .dockerignore has 1001 patterns; it may have 1000`: {
			".dockerignore", strings.Repeat("a\n", 1001),
		},
	} {
		_, err := load(t, folder(t, oneRoute, "services: {web: {build: .}}\n", c...))
		if err == nil || err.Error() != "web-test/compose.yaml:1: "+what {
			t.Errorf("%v, want %s", err, what)
		}
	}
}

func TestWhatABuildIsGivenSecretlyIsAFileOfTheChallengeAndMayHoldTheFlag(t *testing.T) {
	ch := flagOf(
		t, "",
		"services:\n  web:\n    build:\n      context: app\n      secrets:\n        - flag\n        - {source: key, target: other}\n"+
			"secrets:\n  flag: {file: private/flag.txt}\n  key: {file: private/key}\n", "app/Dockerfile", "FROM busybox\n",
		"private/flag.txt", "FLAG{in_a_secret}\n", "private/key", "k",
	)
	b := ch.Services[0].Build
	if filepath.Base(b.Secrets["flag"]) != "flag.txt" || filepath.Base(b.Secrets["other"]) != "key" || len(b.Secrets) != 2 {
		t.Errorf("%v", b.Secrets)
	}
	if !b.Flag || ch.Flag.Text != "FLAG{in_a_secret}" {
		t.Errorf("its flag is %q, and of the build: %v", ch.Flag.Text, b.Flag)
	}
}

func TestAnImageMayBeAFileOfTheChallenge(t *testing.T) {
	for name, c := range map[string]struct{ image, archive string }{
		"beside":       {"./app.tar", "app.tar"},
		"below":        {"images/app.tar.gz", "images/app.tar.gz"},
		"only a name":  {"missing.tar", ""},
		"of a service": {"registry.example/app@sha256:" + strings.Repeat("ab", 32), ""},
	} {
		ch, err := load(
			t, folder(t, oneRoute, "services: {web: {image: \""+c.image+"\"}}\n", "app.tar", "x", "images/app.tar.gz", "x"),
		)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s := ch.Services[0]
		if !strings.HasSuffix(s.Archive, c.archive) || (c.archive == "") != (s.Archive == "") ||
			(s.Archive == "") != (s.Image == c.image) {
			t.Errorf("%s: %q, image %q", name, s.Archive, s.Image)
		}
	}
	dir := folder(t, oneRoute, "services: {web: {image: \"out.tar\"}}\n")
	outside := filepath.Join(t.TempDir(), "secret.tar")
	if err := errors.Join(os.WriteFile(outside, []byte("x"), 0o600), os.Symlink(outside, filepath.Join(dir, "out.tar"))); err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, dir); err == nil || !strings.Contains(err.Error(), "must be in the challenge's folder") {
		t.Errorf("a link that leads out: %v", err)
	}
}
