package docker

import (
	"context"
	"fmt"
	"io"
)

// ImageID is what the engine knows an image by: another build of the same name has another. CodeObjectMissing if there
// is no such image.
func (e *Engine) ImageID(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return "", err
	}
	found, err := api.ImageInspect(ctx, name)
	return found.ID, translate(err)
}

// SaveImage writes an image as `docker save` does.
func (e *Engine) SaveImage(ctx context.Context, name string, to io.Writer) error {
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	saved, err := api.ImageSave(ctx, []string{name})
	if err != nil {
		return translate(err)
	}
	defer saved.Close()
	if _, err := io.Copy(to, saved); err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	return nil
}
