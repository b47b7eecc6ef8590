package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"

	buildapi "github.com/docker/docker/api/types/build"
	"github.com/docker/docker/pkg/jsonmessage"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// loadedID is how the engine tells of an image that came without a name.
var loadedID = regexp.MustCompile(`Loaded image ID: (sha256:[0-9a-f]{64})`)

const maxSaid = 1 << 20 // bytes of what the engine says of a load

// load makes a service's image of a file that `docker save` wrote. What the file calls it does not count: else it could
// take the place of any image there is.
func (e *Engine) load(ctx context.Context, spec instancer.BuildSpec, log io.Writer) error {
	file, err := os.Open(spec.Service.Archive)
	if err != nil {
		return fmt.Errorf("load an image: %w", err)
	}
	defer file.Close()
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(nameless(writer, file, e.builds.DiskBytes)) }()
	defer reader.Close()
	loaded, err := e.client.ImageLoad(ctx, reader)
	if err != nil {
		return fmt.Errorf("load %s: %w", path.Base(spec.Service.Archive), err)
	}
	defer loaded.Body.Close()
	var said bytes.Buffer
	if err := jsonmessage.DisplayJSONMessagesStream(io.LimitReader(loaded.Body, maxSaid), &said, 0, false, nil); err != nil {
		return fmt.Errorf("load %s: %w", path.Base(spec.Service.Archive), err)
	}
	if _, err := log.Write(said.Bytes()); err != nil {
		return err
	}
	ids := loadedID.FindAllSubmatch(said.Bytes(), -1)
	if len(ids) != 1 {
		return fmt.Errorf("load %s: it holds %d images; docker save one", path.Base(spec.Service.Archive), len(ids))
	}
	return e.adopt(ctx, spec, string(ids[0][1]), log)
}

// adopt gives an image the labels and the name of one that was built here.
func (e *Engine) adopt(ctx context.Context, spec instancer.BuildSpec, id string, log io.Writer) error {
	var files bytes.Buffer
	w := tar.NewWriter(&files)
	dockerfile := "FROM " + id + "\n"
	if err := w.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644, Size: int64(len(dockerfile))}); err != nil {
		return err
	}
	if _, err := io.WriteString(w, dockerfile); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	built, err := e.client.ImageBuild(ctx, &files, buildapi.ImageBuildOptions{Version: buildapi.BuilderV1,
		Tags: []string{spec.Service.Image}, Labels: e.labelsOf(spec), Remove: true, ForceRemove: true})
	if err != nil {
		return fmt.Errorf("name the loaded image %s: %w", id, err)
	}
	defer built.Body.Close()
	return jsonmessage.DisplayJSONMessagesStream(built.Body, log, 0, false, nil)
}
