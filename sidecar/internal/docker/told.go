package docker

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Told is what guests on other machines are told of what was built here.
type Told struct {
	*Engine
	Most int64 // bytes of mounted files
}

// Patches are the places of an image's files that hold the sentinel, with the flags in them.
func (t Told) Patches(ch *whaley.Challenge, image *whaley.ImageFlag, flags []string) ([]guest.Patch, error) {
	return t.patches(ch, image, flags)
}

// Mounted is an archive of what is mounted into a service's containers of the challenge's folder or as a text, with the
// flags in the places of the placeholders; nil if that is nothing.
func (t Told) Mounted(ch *whaley.Challenge, svc *whaley.Service, flags []string) ([]byte, error) {
	writable := *svc // where every archive is relative to the root
	writable.ReadOnly = false
	own := ch.OwnMounts(svc)
	var all bytes.Buffer
	out := tar.NewWriter(&all)
	for _, m := range svc.Mounts {
		var err error
		switch {
		case m.Written:
			err = writeText(out, m)
		case m.From != "" && slices.ContainsFunc(own, func(o whaley.Mount) bool { return o.Target == m.Target }):
			err = t.pack(out, ch, &writable, m, flags)
		case m.From == "" && !m.Volume:
			m.From = m.Source
			err = t.pack(out, ch, &writable, m, flags)
		}
		if err == nil && t.Most > 0 && int64(all.Len()) > t.Most {
			err = fmt.Errorf("the files mounted into %s have more than %d MB: put them into its image", svc.Name, t.Most>>20)
		}
		if err != nil {
			return nil, fmt.Errorf("files for %s of %s: %w", m.Target, svc.Name, err)
		}
	}
	if all.Len() == 0 {
		return nil, nil
	}
	err := out.Close()
	return all.Bytes(), err
}

// writeText adds a file of a text, which every user of the container can read, as Compose does.
func writeText(out *tar.Writer, m whaley.Mount) error {
	err := out.WriteHeader(&tar.Header{
		Name: strings.TrimPrefix(m.Target, "/"), Mode: 0o444, Size: int64(len(m.Text)), ModTime: time.Now(),
	})
	if err == nil {
		_, err = io.WriteString(out, m.Text)
	}
	return err
}

// pack adds what a mount begins with.
func (Told) pack(out *tar.Writer, ch *whaley.Challenge, svc *whaley.Service, m whaley.Mount, flags []string) error {
	files, _, err := filesOf(ch, svc, m, flags)
	if err != nil {
		return err
	}
	defer files.Close()
	for in := tar.NewReader(files); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = out.WriteHeader(header)
		}
		if err == nil {
			_, err = io.Copy(out, in)
		}
		if err != nil {
			return err
		}
	}
}
