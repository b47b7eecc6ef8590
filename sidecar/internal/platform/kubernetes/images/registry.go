package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// labelSource names the engine's id of the image that one in the registry was made of.
const labelSource = "whaley.source"

// longestName is how much of an image's name its tag has; a tag may have 128 characters.
const longestName = 80

// Registry is one repository, where each image is a tag.
type Registry struct {
	push  name.Repository // as the sidecar reaches it
	pull  name.Repository // as nodes reach it
	login Login
	guest []byte
}

// Login is the name and password for a registry's host; none if both are empty.
type Login func(ctx context.Context, host string) (name, password string, err error)

// NewRegistry speaks to a repository, as registry.example/whaley, or http://… for one without TLS. Nodes may know it by
// another name; empty: they do not.
func NewRegistry(push, pull string, login Login, guest []byte) (*Registry, error) {
	if pull == "" {
		pull = push
	}
	r := &Registry{login: login, guest: guest}
	var err error
	if r.push, err = Repository(push); err != nil {
		return nil, err
	}
	r.pull, err = Repository(pull)
	return r, err
}

// Repository reads the name of a repository.
func Repository(text string) (name.Repository, error) {
	options := []name.Option{name.StrictValidation}
	at, plain := strings.CutPrefix(text, "http://")
	if plain {
		options = append(options, name.Insecure)
	}
	repository, err := name.NewRepository(strings.TrimPrefix(at, "https://"), options...)
	if err != nil {
		return repository, fmt.Errorf("%q is no repository of a registry, as registry.example/whaley: %w", text, err)
	}
	return repository, nil
}

// tag is where an image is, by its name on the engine and the guest in it.
func (r *Registry) tag(image string) name.Tag {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n", image)
	sum.Write(r.guest)
	readable := strings.Map(func(c rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.", c) {
			return c
		}
		return '-'
	}, image)
	readable = strings.TrimLeft(readable[max(0, len(readable)-longestName):], "-.")
	return r.push.Tag(readable + "-" + hex.EncodeToString(sum.Sum(nil))[:16])
}

// find is what the registry has of an image; nil: nothing.
func (r *Registry) find(ctx context.Context, image string) (v1.Image, error) {
	options, err := r.options(ctx)
	if err != nil {
		return nil, err
	}
	found, err := remote.Image(r.tag(image), options...)
	var answer *transport.Error
	if errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s from the registry: %w", r.tag(image), err)
	}
	return found, nil
}

// Ping says whether the registry answers, and knows this sidecar's login.
func (r *Registry) Ping(ctx context.Context) error {
	_, err := r.find(ctx, "check")
	return err
}

// write pushes an image that was saved to a file, with the guest's layer.
func (r *Registry) write(ctx context.Context, image, id, file string) (v1.Image, error) {
	saved, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		return nil, fmt.Errorf("read %s as the engine saved it: %w", image, err)
	}
	made, err := withGuest(saved, r.guest, id)
	if err != nil {
		return nil, fmt.Errorf("add the guest to %s: %w", image, err)
	}
	options, err := r.options(ctx)
	if err != nil {
		return nil, err
	}
	if err := remote.Write(r.tag(image), made, options...); err != nil {
		return nil, fmt.Errorf("push %s to the registry: %w", r.tag(image), err)
	}
	return made, nil
}

// reference is an image as nodes pull it.
func (r *Registry) reference(image v1.Image) (string, error) {
	digest, err := image.Digest()
	if err != nil {
		return "", err
	}
	return r.pull.Digest(digest.String()).String(), nil
}

func (r *Registry) options(ctx context.Context) ([]remote.Option, error) {
	all := []remote.Option{remote.WithContext(ctx)}
	if r.login == nil {
		return all, nil
	}
	user, password, err := r.login(ctx, r.push.RegistryStr())
	if err != nil {
		return nil, fmt.Errorf("login for the registry %s: %w", r.push.RegistryStr(), err)
	}
	switch {
	case user == "" && password == "":
	case user == "": // it was given a token
		all = append(all, remote.WithAuth(authn.FromConfig(authn.AuthConfig{IdentityToken: password})))
	default:
		all = append(all, remote.WithAuth(&authn.Basic{Username: user, Password: password}))
	}
	return slices.Clip(all), nil
}
