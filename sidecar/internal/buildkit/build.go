package buildkit

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/session/upload/uploadprovider"
	"golang.org/x/sync/errgroup"
)

// Dial opens a connection to one of the engine's addresses that speak HTTP/2, as the engine's client does.
type Dial func(ctx context.Context, address, protocol string, header map[string][]string) (net.Conn, error)

// Build is one image that is to be made.
type Build struct {
	Image      string
	Context    io.ReadCloser // a tar file
	Dockerfile string        // its name in Context
	Target     string
	Args       map[string]string
	Labels     map[string]string
	Secrets    map[string][]byte // for RUN --mount=type=secret, by id
	Again      bool              // nothing of earlier builds is used
	Logins     Logins
	// Fetch says whether the engine may fetch an address, which it does from the host's own place in the network.
	Fetch func(address string) bool
}

// Run builds, and writes to log what happens. What log refuses ends the build.
func (b Build) Run(ctx context.Context, dial Dial, log io.Writer) error {
	c, err := client.New(ctx, "",
		client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return dial(ctx, "/grpc", "h2c", nil) }),
		client.WithSessionDialer(func(ctx context.Context, protocol string, header map[string][]string) (net.Conn, error) {
			return dial(ctx, "/session", protocol, header)
		}))
	if err != nil {
		return fmt.Errorf("connect to the engine's BuildKit: %w", err)
	}
	defer c.Close()
	upload := uploadprovider.New()
	options := client.SolveOpt{
		Exports:       []client.ExportEntry{{Type: "moby", Attrs: map[string]string{"name": b.Image}}},
		FrontendAttrs: b.attributes(upload.Add(b.Context)),
		Session:       []session.Attachable{upload, authServer{logins: b.Logins}, secretsprovider.FromMap(b.Secrets)},
	}
	group, ctx := errgroup.WithContext(ctx)
	status := make(chan *client.SolveStatus)
	group.Go(func() error {
		_, err := c.Build(ctx, options, "", func(ctx context.Context, g gateway.Client) (*gateway.Result, error) {
			return builder.Build(ctx, guarded{Client: g, fetch: b.Fetch})
		}, status)
		return err
	})
	group.Go(func() error { return newProgress(log).follow(status) })
	return group.Wait()
}

// attributes are the build's options as the frontend knows them.
func (b Build) attributes(context string) map[string]string {
	all := map[string]string{
		"context": context, "filename": b.Dockerfile, "target": b.Target,
		"cmdline": "docker/dockerfile", // what `# syntax=` would have fetched: it is here already
	}
	for name, value := range b.Args {
		all["build-arg:"+name] = value
	}
	for name, value := range b.Labels {
		all["label:"+name] = value
	}
	if b.Again {
		all["no-cache"] = ""
	}
	return all
}
