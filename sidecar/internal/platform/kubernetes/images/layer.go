package images

import (
	"archive/tar"
	"bytes"
	"io"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes"
)

// withGuest is an image with the guest in it, and with the engine's id of what it was made of.
func withGuest(image v1.Image, program []byte, id string) (v1.Image, error) {
	layer, err := guestLayer(program)
	if err != nil {
		return nil, err
	}
	if image, err = mutate.AppendLayers(image, layer); err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config := *file.Config.DeepCopy()
	if config.Labels == nil {
		config.Labels = map[string]string{}
	}
	config.Labels[labelSource] = id
	return mutate.Config(image, config)
}

// alone is an image of the guest and nothing else.
func alone(program []byte, architecture string) (v1.Image, error) {
	base, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: "linux", Architecture: architecture, RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	return withGuest(base, program, "")
}

func guestLayer(program []byte) (v1.Layer, error) {
	var layer bytes.Buffer
	archive := tar.NewWriter(&layer)
	folder := strings.TrimPrefix(guest.Folder, "/")
	for _, header := range []*tar.Header{
		{Typeflag: tar.TypeDir, Name: folder + "/", Mode: 0o755},
		{Typeflag: tar.TypeReg, Name: folder + "/" + guest.Name, Mode: 0o755, Size: int64(len(program))},
	} {
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
	}
	if _, err := archive.Write(program); err != nil {
		return nil, err
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil })
}

// describe is an image as the platform wants to know it.
func (r *Registry) describe(image v1.Image) (described kubernetes.Image, id string, err error) {
	file, err := image.ConfigFile()
	if err != nil {
		return described, "", err
	}
	reference, err := r.reference(image)
	if err != nil {
		return described, "", err
	}
	c := file.Config
	return kubernetes.Image{
		Reference: reference, Entrypoint: c.Entrypoint, Command: c.Cmd, Environment: c.Env, User: c.User,
		WorkingDir: c.WorkingDir, Volumes: slices.Sorted(maps.Keys(c.Volumes)),
	}, c.Labels[labelSource], nil
}
