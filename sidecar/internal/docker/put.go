package docker

import (
	"archive/tar"
	"context"
	"io"
	"os"

	"github.com/docker/docker/api/types/container"
)

// PutProgram copies an executable file of this machine into a created container, as name in its root.
func (e *Engine) PutProgram(ctx context.Context, id, path, name string) error {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	read := oneFile(name, info.Size(), f)
	defer read.Close()
	return translate(api.CopyToContainer(ctx, id, "/", read, container.CopyToContainerOptions{}))
}

// oneFile is an archive with one program.
func oneFile(name string, size int64, content io.Reader) io.ReadCloser {
	read, write := io.Pipe()
	go func() {
		w := tar.NewWriter(write)
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: size, Typeflag: tar.TypeReg})
		if err == nil {
			_, err = io.Copy(w, content)
		}
		if err == nil {
			err = w.Close()
		}
		write.CloseWithError(err)
	}()
	return read
}
