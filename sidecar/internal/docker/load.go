package docker

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"strings"

	buildapi "github.com/docker/docker/api/types/build"
	"github.com/docker/docker/pkg/jsonmessage"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// loadedID is how the engine tells of an image that came without a name.
var loadedID = regexp.MustCompile(`Loaded image ID: (sha256:[0-9a-f]{64})`)

const (
	maxManifest = 4 << 20 // bytes of a file that names images
	maxSaid     = 1 << 20 // bytes of what the engine says of a load
)

// load makes a service's image of a file that `docker save` wrote. What the file calls it does not count: else it could take
// the place of any image there is.
func (e *Engine) load(ctx context.Context, spec instancer.BuildSpec, log io.Writer) error {
	file, err := os.Open(spec.Service.Archive)
	if err != nil {
		return fmt.Errorf("load an image: %w", err)
	}
	defer file.Close()
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(nameless(writer, file)) }()
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

// nameless copies a file of docker save, compressed or not, without the names of images in it.
func nameless(w io.Writer, r io.Reader) error {
	buffered := bufio.NewReader(r)
	if magic, err := buffered.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		plain, err := gzip.NewReader(buffered)
		if err != nil {
			return err
		}
		buffered = bufio.NewReader(plain)
	}
	out := tar.NewWriter(w)
	for in := tar.NewReader(buffered); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out.Close()
		}
		if err != nil {
			return err
		}
		var content io.Reader = in
		switch name := path.Clean("/" + header.Name); name {
		case "/repositories":
			continue
		case "/manifest.json", "/index.json":
			if header.Typeflag != tar.TypeReg || header.Size > maxManifest {
				return fmt.Errorf("%s is no file, or has more than %d MB", name, maxManifest>>20)
			}
			text, err := io.ReadAll(in)
			if err == nil {
				text, err = unnamed(text)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			header.Size, content = int64(len(text)), bytes.NewReader(text)
		}
		if err := out.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(out, content); err != nil {
			return err
		}
	}
}

// unnamed is a manifest without what its images are called, in whichever case: the engine's parser takes any.
func unnamed(text []byte) ([]byte, error) {
	var all any
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	var strip func(value any)
	strip = func(value any) {
		switch value := value.(type) {
		case []any:
			for _, one := range value {
				strip(one)
			}
		case map[string]any:
			for key, one := range value {
				if strings.EqualFold(key, "RepoTags") || strings.EqualFold(key, "annotations") {
					delete(value, key)
					continue
				}
				strip(one)
			}
		}
	}
	strip(all)
	return json.Marshal(all)
}
