package docker

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/go-archive"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// inlineName is what a Dockerfile is called in a context that it is no file of. No COPY takes it into an image.
const inlineName = ".dockerfile.whaley"

// buildContext is what is sent to the engine for a build of a challenge, and the name of the Dockerfile in it. The
// challenge's own definition is no part of it: it may name the flag.
func buildContext(b *whaley.Build, ch *whaley.Challenge) (files io.ReadCloser, dockerfile string, err error) {
	patterns, err := ignored(b.Context, b.Dockerfile)
	if err != nil {
		return nil, "", err
	}
	if len(patterns) > 0 && b.Dockerfile != "" { // but never what the build itself needs
		patterns = append(patterns, "!"+b.Dockerfile, "!.dockerignore")
	}
	if definition, err := filepath.Rel(b.Context, filepath.Join(ch.Dir, "instance.toml")); err == nil &&
		filepath.IsLocal(definition) {
		patterns = append(patterns, definition)
	}
	if b.Dockerfile != "" {
		files, err = archive.TarWithOptions(b.Context, &archive.TarOptions{ExcludePatterns: patterns})
		return files, b.Dockerfile, err
	}
	files, err = archive.TarWithOptions(b.Context, &archive.TarOptions{ExcludePatterns: append(patterns, ".dockerignore")})
	if err != nil {
		return nil, "", err
	}
	var before bytes.Buffer // an archive without its end
	w := tar.NewWriter(&before)
	for _, f := range []struct{ name, text string }{
		{inlineName, b.Inline}, {".dockerignore", strings.Join(append(patterns, inlineName, ".dockerignore"), "\n")},
	} {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.text))}); err != nil {
			return nil, "", err
		}
		if _, err := io.WriteString(w, f.text); err != nil {
			return nil, "", err
		}
	}
	if err := w.Flush(); err != nil {
		return nil, "", err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(&before, files), files}, inlineName, nil
}

// ignored reads what a build leaves out as the docker command does: of the Dockerfile's own file, or else of
// .dockerignore.
func ignored(folder, dockerfile string) ([]string, error) {
	for _, name := range []string{dockerfile + ".dockerignore", ".dockerignore"} {
		f, err := os.Open(filepath.Join(folder, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return ignorefile.ReadAll(f)
	}
	return nil, nil
}
