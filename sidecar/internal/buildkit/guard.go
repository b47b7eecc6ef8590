package buildkit

import (
	"context"
	"fmt"
	"strings"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"google.golang.org/protobuf/proto"
)

// guarded is the engine as a frontend sees it, which looks at everything that it is asked to do.
type guarded struct {
	gateway.Client
	fetch func(address string) bool
}

// Solve refuses what would have the engine fetch or run what a challenge may not.
func (g guarded) Solve(ctx context.Context, asked gateway.SolveRequest) (*gateway.Result, error) {
	if asked.Frontend != "" {
		return nil, fmt.Errorf("build: the frontend %q is not run: it could have the engine do anything", asked.Frontend)
	}
	if asked.Definition != nil {
		for _, text := range asked.Definition.Def {
			var op pb.Op
			if err := proto.Unmarshal(text, &op); err != nil {
				return nil, fmt.Errorf("build: a step cannot be read: %w", err)
			}
			if err := g.may(&op); err != nil {
				return nil, err
			}
		}
	}
	return g.Client.Solve(ctx, asked)
}

func (g guarded) may(op *pb.Op) error {
	if exec := op.GetExec(); exec != nil {
		if exec.Network == pb.NetMode_HOST || exec.Security == pb.SecurityMode_INSECURE {
			return fmt.Errorf(
				"build: RUN --network=host and --security=insecure are not allowed: they would give the build the host",
			)
		}
		for _, m := range exec.Mounts {
			if m.MountType == pb.MountType_SSH {
				return fmt.Errorf("build: RUN --mount=type=ssh is not allowed: a build gets none of the host's keys")
			}
		}
	}
	source := op.GetSource()
	if source == nil {
		return nil
	}
	switch kind, _, _ := strings.Cut(source.Identifier, "://"); {
	case kind == "docker-image", strings.HasPrefix(source.Identifier, "http://buildkit-session/"):
		return nil
	case g.fetch != nil && g.fetch(source.Identifier):
		return nil
	default:
		return fmt.Errorf("build: %s is not fetched: the engine would do so from the host's own place in the network. "+
			"Fetch it with RUN wget or curl, or put the file into the challenge and COPY it", source.Identifier)
	}
}
