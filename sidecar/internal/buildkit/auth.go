package buildkit

import (
	"context"

	"github.com/moby/buildkit/session/auth"
	"google.golang.org/grpc"
)

// Logins are the name and password for a registry; empty ones: there are none for it.
type Logins func(ctx context.Context, registry string) (name, password string, err error)

// authServer answers what the engine asks while it resolves a base image. Tokens are its own affair.
type authServer struct {
	auth.UnimplementedAuthServer
	logins Logins
}

func (a authServer) Register(server *grpc.Server) { auth.RegisterAuthServer(server, a) }

func (a authServer) Credentials(
	ctx context.Context, asked *auth.CredentialsRequest,
) (*auth.CredentialsResponse, error) {
	if a.logins == nil {
		return &auth.CredentialsResponse{}, nil
	}
	name, password, err := a.logins(ctx, asked.Host)
	return &auth.CredentialsResponse{Username: name, Secret: password}, err
}
