package challenge_test

import (
	"fmt"
	"strings"
	"testing"
)

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
		{3, "ARG X=http://10.0.0.1/x\nFROM x\nADD $X /x\n"},
		{2, "FROM x\nADD ${A:-http}://10.0.0.1/x /x\n"},
		{2, "FROM x\nADD http$X /x\n"},
		{2, "FROM x\nADD git@github.com:a/b.git /x\n"},
		{2, "FROM x\nADD https://github.com/a/b.git#main /x"},
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

func TestWhatABuildReadsIsBounded(t *testing.T) {
	for what, c := range map[string][]string{
		`services.web.build.dockerfile: Dockerfile has more than 262144 bytes`:                              {"Dockerfile", strings.Repeat("# x\n", 70000)},
		`services.web.build.context: .dockerignore cannot be read: .dockerignore has more than 65536 bytes`: {".dockerignore", strings.Repeat("a\n", 40000)},
		`services.web.build.context: .dockerignore has 1001 patterns; it may have 1000`:                     {".dockerignore", strings.Repeat("a\n", 1001)},
	} {
		_, err := load(t, folder(t, oneRoute, "services: {web: {build: .}}\n", c...))
		if err == nil || err.Error() != "web-test/compose.yaml:1: "+what {
			t.Errorf("%v, want %s", err, what)
		}
	}
}
