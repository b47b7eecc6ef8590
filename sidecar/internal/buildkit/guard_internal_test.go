package buildkit

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
)

// asked is an engine that only says that it was asked.
type asked struct{ gateway.Client }

var errAsked = errors.New("the engine was asked")

func (asked) Solve(context.Context, gateway.SolveRequest) (*gateway.Result, error) {
	return nil, errAsked
}

func TestTheEngineFetchesAndRunsOnlyWhatAChallengeMay(t *testing.T) {
	g := guarded{Client: asked{}, fetch: func(address string) bool { return address == "https://public.example/a.tar" }}
	base := llb.Image("busybox:1.36")
	for name, c := range map[string]struct {
		state  llb.State
		passes bool
	}{
		"an image":        {base, true},
		"its own context": {llb.HTTP("http://buildkit-session/abc"), true},
		"a RUN":           {base.Run(llb.Shlex("true")).Root(), true},
		"a cache": {
			base.Run(llb.Shlex("true"), llb.AddMount("/c", llb.Scratch(), llb.AsPersistentCacheDir("c", llb.CacheMountShared))).Root(),
			true,
		},
		"what is public":          {llb.HTTP("https://public.example/a.tar"), true},
		"metadata":                {llb.HTTP("http://169.254.169.254/latest"), false},
		"like its own context":    {llb.HTTP("http://buildkit-session.example/abc"), false},
		"what only begins public": {llb.HTTP("https://public.example/a.tar?x"), false},
		"a repository":            {llb.Git("https://10.0.0.1/a.git", "main"), false},
		"below others":            {base.File(llb.Copy(llb.HTTP("http://127.0.0.1:8080/"), "/", "/")), false},
		"a folder of the client":  {llb.Local("context"), false},
		"the host's network":      {base.Run(llb.Shlex("true"), llb.Network(pb.NetMode_HOST)).Root(), false},
		"the host":                {base.Run(llb.Shlex("true"), llb.Security(pb.SecurityMode_INSECURE)).Root(), false},
		"keys of the host":        {base.Run(llb.Shlex("true"), llb.AddSSHSocket()).Root(), false},
	} {
		t.Run(name, func(t *testing.T) {
			definition, err := c.state.Marshal(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_, err = g.Solve(t.Context(), gateway.SolveRequest{Definition: definition.ToPB()})
			if passed := errors.Is(err, errAsked); passed != c.passes || !passed && !strings.HasPrefix(err.Error(), "build: ") {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("somebody's frontend", func(t *testing.T) {
		if _, err := g.Solve(t.Context(), gateway.SolveRequest{Frontend: "gateway.v0"}); errors.Is(err, errAsked) {
			t.Error("it was run")
		}
	})
}
