package kubernetes

import (
	"archive/tar"
	"bytes"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// message is what the guest of the nth service is told: all that is its owner's, and where the others are.
func (d *design) message(n int, files Files, flags []string, at map[string]netip.Addr) (*guest.Message, error) {
	service := d.services[n]
	s, image := service.Service, d.images[service.Name]
	m := &guest.Message{
		Argv: guest.Program{Entrypoint: image.Entrypoint, Command: image.Command}.Argv(s.Entrypoint, s.Command),
		Env:  s.Environment, Limits: map[string]guest.Limit{}, Hosts: hosts(d.challenge, d.services, n, at),
	}
	for _, l := range s.AllUlimits() {
		m.Limits[l.Name] = guest.Limit{Soft: uint64(l.Soft), Hard: uint64(l.Hard)} // -1 is no limit
	}
	var err error
	if flags != nil && service.Flag != nil && service.Flag.Files > 0 {
		if m.Patches, err = d.patches(s, files, service.Flag, flags); err != nil {
			return nil, err
		}
	}
	mounted, err := files.Mounted(d.challenge, &s, flags)
	if err != nil {
		return nil, fmt.Errorf("files for %s: %w", s.Name, err)
	}
	if m.Files, err = withFolders(mounted, d.folders(s)); err != nil {
		return nil, fmt.Errorf("files for %s: %w", s.Name, err)
	}
	return m, nil
}

// patches are those of a service's image, without what is hidden in its container by what is mounted there.
func (d *design) patches(
	s whaley.Service, files Files, image *whaley.ImageFlag, flags []string,
) (all []guest.Patch, err error) {
	every, err := files.Patches(d.challenge, image, flags)
	if err != nil {
		return nil, err
	}
	several := shared(d.challenge)
	for _, p := range every {
		hidden := slices.ContainsFunc(s.Tmpfs, func(t whaley.Tmpfs) bool { return under(t.Target, p.Path) })
		for _, m := range s.Mounts {
			if !under(m.Target, p.Path) {
				continue
			}
			if m.Volume && slices.Contains(several, m.Source) {
				return nil, whaley.NotPlaced(fmt.Errorf(
					"%s of %s holds its owner's flag and lies under a volume of several services, which is empty on Kubernetes", p.Path, s.Name,
				))
			}
			hidden = hidden || !m.Volume
		}
		if !hidden {
			all = append(all, p)
		}
	}
	return all, nil
}

// under says whether a path is a folder or lies in it.
func under(folder, name string) bool {
	folder = path.Clean(folder)
	return name == folder || strings.HasPrefix(name, strings.TrimSuffix(folder, "/")+"/")
}

// withFolders is an archive that makes folders first, where they are not there.
func withFolders(mounted []byte, folders []string) ([]byte, error) {
	if len(folders) == 0 {
		return mounted, nil
	}
	var all bytes.Buffer
	w := tar.NewWriter(&all)
	for _, name := range folders {
		if err := w.WriteHeader(&tar.Header{
			Name: strings.TrimPrefix(name, "/") + "/", Typeflag: tar.TypeDir, Mode: 0o755,
		}); err != nil {
			return nil, err
		}
	}
	if len(mounted) == 0 {
		err := w.Close()
		return all.Bytes(), err
	}
	if err := w.Flush(); err != nil { // the archive that follows has the end of both
		return nil, err
	}
	return append(all.Bytes(), mounted...), nil
}

// hosts are the lines by which the nth service knows those by name that it shares a network with, itself among them.
func hosts(ch *whaley.Challenge, services []instancer.PlannedService, n int, at map[string]netip.Addr) (lines []string) {
	mine := networksOf(ch, services[n].Service)
	for _, other := range services {
		address := at[other.Name]
		if !address.IsValid() || address.IsLoopback() || other.Shares != "" {
			continue
		}
		names, meets := []string{other.Name}, false
		for _, network := range networksOf(ch, other.Service) {
			if !slices.Contains(mine, network) {
				continue
			}
			meets = true
			for _, j := range other.Joins {
				if len(ch.Networks) == 0 || j.Network == ch.Networks[network].Name {
					names = append(names, j.Aliases...)
				}
			}
		}
		if meets {
			lines = append(lines, address.String()+" "+strings.Join(names, " "))
		}
	}
	return lines
}
