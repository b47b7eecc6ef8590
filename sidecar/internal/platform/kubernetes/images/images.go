package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Engine builds images, beside the sidecar.
type Engine interface {
	instancer.Images
	// ImageID is what the engine knows an image by, which another build of the same name does not have.
	ImageID(ctx context.Context, image string) (string, error)
	// SaveImage writes an image as `docker save` does.
	SaveImage(ctx context.Context, image string, to io.Writer) error
}

// Images implements kubernetes.Images.
type Images struct {
	Engine
	registry *Registry
	pulls    *Pulls
	folder   string // for images on their way
	log      *slog.Logger

	mu    sync.Mutex
	known map[string]known // by their names
}

type known struct {
	image kubernetes.Image
	id    string
}

// New makes them of an engine, a registry and nodes that pull. Images are in folder while they are on their way.
func New(engine Engine, registry *Registry, pulls *Pulls, folder string, log *slog.Logger) *Images {
	return &Images{Engine: engine, registry: registry, pulls: pulls, folder: folder, log: log, known: map[string]known{}}
}

// BuildImage builds as the engine does, and returns when a node that may be used has the image.
func (i *Images) BuildImage(ctx context.Context, spec instancer.BuildSpec, log io.Writer) error {
	if spec.Service.Relay {
		return nil // nothing is relayed between Pods
	}
	if err := i.Engine.BuildImage(ctx, spec, log); err != nil {
		return err
	}
	image, err := i.bring(ctx, spec.Service.Image, log)
	if err == nil {
		err = i.pulls.Bring(ctx, spec.Service.Image, image.Reference, log)
	}
	if err != nil {
		return whaley.Errorf(whaley.Unavailable, "image_failed",
			"The image of the challenge's service %s could not be brought to a node. Tell an organiser: the log says why.",
			spec.Service.Name).Because(err)
	}
	return nil
}

// bring makes sure that the registry has an image as the engine has it by now.
func (i *Images) bring(ctx context.Context, name string, log io.Writer) (described kubernetes.Image, err error) {
	id, err := i.ImageID(ctx, name)
	if err != nil {
		return described, err
	}
	if k, err := i.look(ctx, name); err == nil && k.id == id {
		fmt.Fprintf(log, "the registry has %s\n", k.image.Reference)
		return k.image, nil
	}
	began := time.Now()
	fmt.Fprintf(log, "pushing to %s\n", i.registry.tag(name))
	image, err := i.send(ctx, name, id)
	if err != nil {
		return described, err
	}
	fmt.Fprintf(log, "pushed in %s\n", time.Since(began).Round(time.Millisecond))
	return i.remember(name, image)
}

func (i *Images) send(ctx context.Context, name, id string) (v1.Image, error) {
	file, err := os.CreateTemp(i.folder, "image-*.tar")
	if err != nil {
		return nil, fmt.Errorf("save %s: %w", name, err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if err := i.SaveImage(ctx, name, file); err != nil {
		return nil, fmt.Errorf("save %s: %w", name, err)
	}
	return i.registry.write(ctx, name, id, file.Name())
}

// Pushed is an image as nodes pull it, and which of them have it.
func (i *Images) Pushed(ctx context.Context, name string) (kubernetes.Image, error) {
	i.mu.Lock()
	k, ok := i.known[name]
	i.mu.Unlock()
	if !ok {
		var err error
		if k, err = i.look(ctx, name); err != nil {
			return kubernetes.Image{}, err
		}
	}
	k.image.Nodes = i.pulls.Have(k.image.Reference)
	return k.image, nil
}

// look asks the registry.
func (i *Images) look(ctx context.Context, name string) (known, error) {
	image, err := i.registry.find(ctx, name)
	if err == nil && image == nil {
		err = whaley.Errorf(whaley.NotFound, whaley.CodeObjectMissing, "The registry has no image %s.", name)
	}
	if err != nil {
		return known{}, err
	}
	if _, err = i.remember(name, image); err != nil {
		return known{}, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.known[name], nil
}

func (i *Images) remember(name string, image v1.Image) (kubernetes.Image, error) {
	described, id, err := i.registry.describe(image)
	if err != nil {
		return described, fmt.Errorf("read the settings of %s: %w", name, err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.known[name] = known{described, id}
	if id != "" {
		i.known[id] = i.known[name] // what was scanned is started by what the engine knows it by
	}
	return described, nil
}

// Guest is the image of the guest alone, in the registry, for what runs on nodes and is no instance.
func (i *Images) Guest(ctx context.Context) (string, error) {
	const name = "whaley-guest"
	image, err := alone(i.registry.guest, runtime.GOARCH)
	if err != nil {
		return "", fmt.Errorf("make the image of the guest: %w", err)
	}
	options, err := i.registry.options(ctx)
	if err == nil {
		err = remote.Write(i.registry.tag(name), image, options...)
	}
	if err != nil {
		return "", fmt.Errorf("push %s to the registry: %w", i.registry.tag(name), err)
	}
	return i.registry.reference(image)
}

// RemoveImages removes the engine's, and the records of nodes for what the engine has no more. What is in the registry
// stays there: registries have rules of their own for what is old.
func (i *Images) RemoveImages(ctx context.Context, keep func(challenge, revision, owner string) bool) error {
	err := i.Engine.RemoveImages(ctx, keep)
	for _, name := range i.pulls.Names() {
		_, missing := i.ImageID(ctx, name)
		if whaley.CodeOf(missing) != whaley.CodeObjectMissing {
			continue
		}
		i.mu.Lock()
		delete(i.known, name)
		i.mu.Unlock()
		err = errors.Join(err, i.pulls.Forget(ctx, name))
	}
	return err
}
