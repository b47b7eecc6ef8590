package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/docker/docker/api/types/mount"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/jail"
	"github.com/whaley-ctf/whaley/sidecar/internal/program"
)

// mounts are those of a service, and the stand-in over the programs of its jail.
func (e *Engine) mounts(s instancer.Service, volumes map[string]string) ([]mount.Mount, error) {
	all := mounts(s, volumes)
	if !s.Jail {
		return all, nil
	}
	source, err := e.standIn()
	if err != nil {
		return nil, fmt.Errorf("the stand-in for the jail of %s: %w", s.Name, err)
	}
	bind := func(source, target string) {
		all = append(all, mount.Mount{Type: mount.TypeBind, Source: source, Target: target, ReadOnly: true,
			BindOptions: &mount.BindOptions{Propagation: mount.PropagationRPrivate}})
	}
	for _, target := range jail.Targets {
		bind(source, target)
	}
	for _, root := range jail.Roots {
		for _, device := range jail.Devices {
			bind("/dev/"+device, root+"/dev/"+device)
		}
	}
	return all, nil
}

// copyProgram puts a static program of this machine into a folder that the engine sees, once for each of its versions.
func copyProgram(path, folder string) (string, error) {
	if !program.Static(path) {
		return "", program.ErrNotStatic
	}
	in, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, in); err != nil {
		return "", err
	}
	dir, err := filepath.Abs(filepath.Join(folder, "program"))
	if err != nil {
		return "", err
	}
	target := filepath.Join(dir, "whaley-"+hex.EncodeToString(sum.Sum(nil)[:8]))
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	out, err := os.CreateTemp(dir, ".new-")
	if err != nil {
		return "", err
	}
	defer os.Remove(out.Name()) // unless it has its name by then
	_, err = in.Seek(0, io.SeekStart)
	if err == nil {
		_, err = io.Copy(out, in)
	}
	if err := errors.Join(err, out.Chmod(0o555), out.Sync(), out.Close()); err != nil {
		return "", err
	}
	return target, os.Rename(out.Name(), target)
}
