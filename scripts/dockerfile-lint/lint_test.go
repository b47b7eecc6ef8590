package dockerfilelint_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/opencontainers/go-digest"
)

// unknown is the base image that every name stands for: nobody is asked for the real ones.
type unknown struct{}

func (unknown) ResolveImageConfig(
	_ context.Context, ref string, _ sourceresolver.Opt,
) (string, digest.Digest, []byte, error) {
	return ref, "", []byte(`{"architecture":"amd64","os":"linux","config":{}}`), nil
}

// lint is what is wrong with a Dockerfile, one line each.
func lint(t *testing.T, name string, text []byte) (found []string) {
	t.Helper()
	source := llb.NewSourceMap(nil, name, "Dockerfile", text)
	source.Definition = &llb.Definition{} // where it came from, which matters to builds only
	results, err := dockerfile2llb.DockerfileLint(
		context.Background(), text, dockerfile2llb.ConvertOpt{MetaResolver: unknown{}, SourceMap: source},
	)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, w := range results.Warnings {
		found = append(found, fmt.Sprintf("%s:%d: %s (%s)", name, w.Location.Ranges[0].Start.Line, w.Detail, w.RuleName))
	}
	if results.Error != nil {
		found = append(found, name+": "+results.Error.Message)
	}
	return found
}

func TestNothingIsWrongWithOurDockerfiles(t *testing.T) {
	files := []string{"../../Dockerfile"}
	of, err := filepath.Glob("../../challenges/*/Dockerfile")
	if err != nil || len(of) == 0 {
		t.Fatal(of, err)
	}
	deeper, err := filepath.Glob("../../challenges/*/*/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(append(files, of...), deeper...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lint(t, file, text) {
			t.Error(line)
		}
	}
}

func TestWhatIsWrongIsFound(t *testing.T) {
	const bad = "FROM busybox\nMAINTAINER x\nENV API_TOKEN=1\nCMD echo hi\nWORKDIR here\n"
	all := strings.Join(lint(t, "bad", []byte(bad)), "\n")
	for _, want := range []string{"bad:2: ", "SecretsUsedInArgOrEnv", "bad:4: JSON arguments", "WorkdirRelativePath"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in\n%s", want, all)
		}
	}
	if all := lint(t, "broken", []byte("FROM\n")); len(all) == 0 {
		t.Error("a broken one is taken")
	}
}
