package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/sentinel"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// template is what a scan found and the files of it.
func (e *Engine) template(
	ch *whaley.Challenge, flag *whaley.ImageFlag,
) (record sentinel.Record, files *os.File, err error) {
	path := e.scanPath(flag.Image, ch.Flag.Cores())
	if record, err = readRecord(path); err != nil {
		return record, nil, err
	}
	files, err = os.Open(path + ".tar")
	return record, files, err
}

// PlaceFlag writes the files of an image that hold the sentinel into a created container, with an owner's flags. Owner,
// mode and time stay, and names of the same file stay names of one file. What lies under a mount that cannot be written
// is hidden by it, and is left as it is.
func (e *Engine) PlaceFlag(
	ctx context.Context, id string, ch *whaley.Challenge, svc *whaley.Service, image *whaley.ImageFlag, flags []string,
) error {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	digits, ok := ch.Flag.AllDigits(flags)
	if !ok {
		return whaley.NotPlaced(errors.New("a flag is not as long as its sentinel"))
	}
	record, files, err := e.template(ch, image)
	if err != nil {
		return e.lost(image, err)
	}
	defer files.Close()
	reader, writer := io.Pipe()
	patched := make(chan error, 1)
	go func() {
		err := sentinel.PatchTar(
			writer, files, record, digits, func(name string) bool { return hidden(svc, "/"+strings.Trim(name, "/")) },
		)
		writer.CloseWithError(err)
		patched <- err
	}()
	err = api.CopyToContainer(ctx, id, "/", reader, container.CopyToContainerOptions{})
	reader.Close()
	if wrong := <-patched; wrong != nil && !errors.Is(wrong, io.ErrClosedPipe) {
		return whaley.NotPlaced(wrong)
	}
	return translate(err)
}

// lost answers as if the image were gone when the result of its scan is: both are made again.
func (e *Engine) lost(image *whaley.ImageFlag, err error) error {
	if !errors.Is(err, os.ErrNotExist) {
		return whaley.NotPlaced(err)
	}
	return whaley.Errorf(whaley.Unavailable, whaley.CodeObjectMissing,
		"Something the challenge needs is missing. Try again; if it keeps happening, tell an organiser.").Because(fmt.Errorf(
		"%s: %w", image.Image, err,
	))
}

// instanceFolder holds an instance's own copies of files.
func (e *Engine) instanceFolder(instance string) string {
	return filepath.Join(e.folder, "instances", filepath.Base(instance))
}

// MakeFiles writes an instance's own copies of files with the flags, and returns how they are mounted.
func (e *Engine) MakeFiles(
	_ context.Context, instance string, ch *whaley.Challenge, svc *whaley.Service, image *whaley.ImageFlag, flags []string,
) ([]whaley.Mount, error) {
	c := &copies{folder: filepath.Join(e.instanceFolder(instance), svc.Name)}
	if err := os.MkdirAll(c.folder, 0o700); err != nil {
		return nil, whaley.NotPlaced(err)
	}
	swaps := swapsOf(ch, flags)
	for _, m := range svc.Mounts {
		if m.From != "" {
			continue // see FillMounts
		}
		if m.Written {
			if err := c.written(m); err != nil {
				return nil, whaley.NotPlaced(err)
			}
		}
		for _, name := range m.Flags {
			if err := c.mounted(filepath.Join(m.Source, name), path.Join(m.Target, filepath.ToSlash(name)), swaps); err != nil {
				return nil, whaley.NotPlaced(err)
			}
		}
	}
	if flags == nil || image == nil || image.Files == 0 || !svc.ReadOnly {
		return c.mounts, nil
	}
	digits, ok := ch.Flag.AllDigits(flags)
	if !ok {
		return nil, whaley.NotPlaced(errors.New("a flag is not as long as its sentinel"))
	}
	record, files, err := e.template(ch, image)
	if err != nil {
		return nil, e.lost(image, err)
	}
	defer files.Close()
	return c.mounts, whaley.NotPlaced(c.patched(files, record, svc, digits))
}

// copies are the files that one service gets of its own.
type copies struct {
	folder string
	mounts []whaley.Mount
}

// write makes the next copy and mounts it at some places.
func (c *copies) write(
	mode fs.FileMode, uid, gid int, stamp syscall.Timespec, targets []string, write func(io.Writer) error,
) error {
	name := filepath.Join(c.folder, strconv.Itoa(len(c.mounts)))
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Close())
	if err == nil && (uid != os.Getuid() || gid != os.Getgid()) {
		err = os.Chown(name, uid, gid)
	}
	if err == nil {
		err = syscall.Chmod(name, uint32(mode)) // after chown, which takes setuid away
	}
	if err == nil {
		err = syscall.UtimesNano(name, []syscall.Timespec{stamp, stamp})
	}
	if err != nil {
		return err
	}
	source, err := filepath.Abs(name)
	for _, target := range targets {
		c.mounts = append(c.mounts, whaley.Mount{Source: source, Target: target, ReadOnly: true})
	}
	return err
}

// written makes a file of a text, which every user of the container can read, as Compose does.
func (c *copies) written(m whaley.Mount) error {
	now := syscall.NsecToTimespec(time.Now().UnixNano())
	return c.write(0o444, os.Getuid(), os.Getgid(), now, []string{m.Target}, func(w io.Writer) error {
		_, err := io.WriteString(w, m.Text)
		return err
	})
}

func (c *copies) mounted(source, target string, swaps []sentinel.Swap) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	text, n := sentinel.Replace(text, swaps)
	if n == 0 {
		return fmt.Errorf("%s held a placeholder when it was loaded and holds none", source)
	}
	stat := info.Sys().(*syscall.Stat_t)
	stamp := syscall.NsecToTimespec(info.ModTime().UnixNano())
	return c.write(
		fs.FileMode(stat.Mode&0o7777), int(stat.Uid), int(stat.Gid), stamp, []string{target}, func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		},
	)
}

// patched unpacks a template with an owner's digits. What the service covers with mounts of its own stays covered.
func (c *copies) patched(files io.Reader, record sentinel.Record, svc *whaley.Service, digits []string) error {
	missing := map[string]sentinel.File{}
	for _, f := range record.Files {
		missing[f.Name] = f
	}
	for in := tar.NewReader(files); len(missing) > 0; {
		header, err := in.Next()
		if err != nil {
			return err
		}
		f, wanted := missing[header.Name]
		if !wanted {
			continue
		}
		delete(missing, header.Name)
		targets := slices.DeleteFunc(
			append([]string{"/" + f.Name}, prefixed(f.Links)...), func(target string) bool { return covered(svc, target) },
		)
		if len(targets) == 0 {
			continue
		}
		stamp := syscall.NsecToTimespec(header.ModTime.UnixNano())
		err = c.write(fs.FileMode(header.Mode&0o7777), header.Uid, header.Gid, stamp, targets, func(w io.Writer) error {
			return sentinel.Patch(w, in, f, record.Cores, digits)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func prefixed(names []string) (paths []string) {
	for _, n := range names {
		paths = append(paths, "/"+n)
	}
	return paths
}

// hidden says whether a path lies under a mount that is read only and never filled from the image.
func hidden(svc *whaley.Service, target string) bool {
	return slices.ContainsFunc(svc.Mounts, func(m whaley.Mount) bool {
		mount := path.Clean(m.Target)
		return m.ReadOnly && !m.Volume && m.From == "" &&
			(target == mount || strings.HasPrefix(target, strings.TrimSuffix(mount, "/")+"/"))
	})
}

func covered(svc *whaley.Service, target string) bool {
	under := func(mount string) bool {
		return target == path.Clean(mount) || strings.HasPrefix(target, strings.TrimSuffix(path.Clean(mount), "/")+"/")
	}
	return slices.ContainsFunc(svc.Tmpfs, func(t whaley.Tmpfs) bool { return under(t.Target) }) ||
		slices.ContainsFunc(svc.Mounts, func(m whaley.Mount) bool { return !m.Volume && under(m.Target) })
}

// RemoveFiles removes an instance's own copies; none there is no error.
func (e *Engine) RemoveFiles(_ context.Context, instance string) error {
	return os.RemoveAll(e.instanceFolder(instance))
}

// files lists the instances that have copies of files.
func (e *Engine) files(instance string) (all []instancer.Object, err error) {
	if e.folder == "" || e.purpose != "" {
		return nil, nil
	}
	entries, err := os.ReadDir(filepath.Join(e.folder, "instances"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for _, entry := range entries {
		if name := entry.Name(); instance == "" || instance == name {
			all = append(all, instancer.Object{Kind: "files", ID: name, Name: name, Labels: instancer.Labels{Instance: name}})
		}
	}
	return all, err
}
