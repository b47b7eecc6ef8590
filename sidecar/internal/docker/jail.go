package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/mount"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// jailDevices are those of /dev of a jail: what every container may use, which only the engine can put into another
// root.
var jailDevices = []string{"full", "null", "random", "urandom", "zero"}

// controlGroups is where scripts that start a jail make control groups for it, and end if they cannot. Here they make
// empty folders, which nobody reads.
const controlGroups = "/sys/fs/cgroup"

// mounts are those of a service, and the stand-in over the programs of its jail.
func (e *Engine) mounts(s whaley.Service, volumes map[string]string) ([]mount.Mount, error) {
	all := mounts(s, volumes)
	if s.Jail == nil {
		return all, nil
	}
	source, err := e.standIn()
	if err != nil {
		return nil, fmt.Errorf("the stand-in for the jail of %s: %w", s.Name, err)
	}
	own := make([]string, 0, len(all)) // what the challenge has put there stays, and is not written into
	for _, m := range all {
		own = append(own, path.Clean(m.Target))
	}
	bind := func(source, target string) {
		all = append(all, mount.Mount{Type: mount.TypeBind, Source: source, Target: target, ReadOnly: true,
			BindOptions: &mount.BindOptions{Propagation: mount.PropagationRPrivate}})
	}
	for _, target := range s.Jail.Over {
		if !slices.Contains(own, target) {
			bind(source, target)
		}
	}
	if !slices.Contains(own, controlGroups) {
		all = append(
			all,
			mount.Mount{
				Type: mount.TypeTmpfs, Target: controlGroups, TmpfsOptions: &mount.TmpfsOptions{SizeBytes: 1 << 20, Mode: 0o755},
			},
		)
	}
	for _, root := range s.Jail.Roots {
		if slices.ContainsFunc(
			own, func(target string) bool { return strings.HasPrefix(root+"/dev/", strings.TrimSuffix(target, "/")+"/") },
		) {
			continue
		}
		for _, device := range jailDevices {
			bind("/dev/"+device, root+"/dev/"+device)
		}
	}
	return all, nil
}

// lay puts a program into a folder that the engine sees, once for each of its versions.
func lay(program []byte, folder string) (string, error) {
	sum := sha256.Sum256(program)
	dir, err := filepath.Abs(filepath.Join(folder, "program"))
	if err != nil {
		return "", err
	}
	target := filepath.Join(dir, "jail-"+hex.EncodeToString(sum[:8]))
	if old, err := os.ReadFile(target); err == nil && sha256.Sum256(old) == sum {
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
	_, err = out.Write(program)
	if err := errors.Join(err, out.Chmod(0o555), out.Sync(), out.Close()); err != nil {
		return "", err
	}
	return target, os.Rename(out.Name(), target)
}
