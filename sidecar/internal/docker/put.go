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
	read, write := io.Pipe()
	defer read.Close()
	go func() {
		w := tar.NewWriter(write)
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: info.Size(), Typeflag: tar.TypeReg})
		if err == nil {
			_, err = io.Copy(w, f)
		}
		if err == nil {
			err = w.Close()
		}
		write.CloseWithError(err)
	}()
	return translate(api.CopyToContainer(ctx, id, "/", read, container.CopyToContainerOptions{}))
}
