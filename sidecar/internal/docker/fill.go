package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/moby/go-archive"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// FillMounts writes what a challenge's service has of its own of the challenge's files into a created container:
// folders into their volumes, files into the container. With flags these take the places of the placeholders. Owner,
// mode and time stay; links stay links, so that none leads anywhere but where it leads inside the container.
func (e *Engine) FillMounts(
	ctx context.Context, id string, ch *whaley.Challenge, svc *whaley.Service, mounts []whaley.Mount, flags []string,
) error {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	for _, m := range mounts {
		files, target, err := filesOf(ch, svc, m, flags)
		if err != nil {
			return fmt.Errorf("copy %s for %s: %w", m.From, svc.Name, err)
		}
		err = api.CopyToContainer(ctx, id, target, files, container.CopyToContainerOptions{})
		files.Close()
		if err != nil {
			return fmt.Errorf("copy %s to %s of %s: %w", m.From, m.Target, svc.Name, translate(err))
		}
	}
	return nil
}

// filesOf is what a mount begins with, as an archive, and the folder of the container that it is relative to.
func filesOf(ch *whaley.Challenge, svc *whaley.Service, m whaley.Mount, flags []string) (io.ReadCloser, string, error) {
	info, err := os.Stat(m.From)
	if err != nil {
		return nil, "", err
	}
	if !info.IsDir() {
		files, err := archive.TarWithOptions(filepath.Dir(m.From), &archive.TarOptions{
			IncludeFiles: []string{filepath.Base(m.From)},
			RebaseNames:  map[string]string{filepath.Base(m.From): strings.TrimPrefix(path.Clean(m.Target), "/")},
		})
		if err != nil {
			return nil, "", err
		}
		return placed(files, ch, flags), "/", nil
	}
	files, err := archive.TarWithOptions(m.From, &archive.TarOptions{IncludeSourceDir: true})
	if err != nil {
		return nil, "", err
	}
	// What lies under another mount is not this one's to write, and the challenge's own definition may name the flag.
	definition, err := filepath.Rel(m.From, filepath.Join(ch.Dir, "instance.toml"))
	left := func(name string) bool {
		at := path.Join(m.Target, name)
		return err == nil && path.Clean(name) == filepath.ToSlash(definition) ||
			slices.ContainsFunc(svc.Mounts, func(o whaley.Mount) bool {
				over := path.Clean(o.Target)
				return over != path.Clean(m.Target) && strings.HasPrefix(over, path.Clean(m.Target)+"/") &&
					(at == over || strings.HasPrefix(at, over+"/"))
			})
	}
	target := "/" // the engine leaves what it extracts into as it is, and so owner and mode of the folder itself
	if svc.ReadOnly {
		target = m.Target // it extracts into nothing else then
	}
	at, err := filepath.Rel(target, path.Clean(m.Target))
	if err != nil {
		return nil, "", err
	}
	flagged := placed(files, ch, flags)
	reader, writer := io.Pipe()
	go func() {
		writer.CloseWithError(moved(writer, flagged, at, left))
		flagged.Close()
	}()
	return reader, target, nil
}

// placed is an archive with flags in the places of the placeholders, if there are any.
func placed(files io.ReadCloser, ch *whaley.Challenge, flags []string) io.ReadCloser {
	if flags == nil {
		return files
	}
	reader, writer := io.Pipe()
	go func() {
		writer.CloseWithError(replaceAll(writer, files, swapsOf(ch, flags)))
		files.Close()
	}()
	return reader
}

// moved is an archive without some of its entries, with all others in a folder.
func moved(w io.Writer, r io.Reader, folder string, left func(name string) bool) error {
	out := tar.NewWriter(w)
	for in := tar.NewReader(r); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out.Close()
		}
		if err != nil {
			return err
		}
		if left(header.Name) {
			continue
		}
		if header.Name = path.Join(folder, header.Name); header.Typeflag == tar.TypeDir {
			header.Name += "/"
		}
		if header.Typeflag == tar.TypeLink {
			header.Linkname = path.Join(folder, header.Linkname)
		}
		if err := out.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(out, in); err != nil {
			return err
		}
	}
}
