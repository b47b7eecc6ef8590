package challenge

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// volumesFrom gives services what others of the same file have mounted, as volumes_from asks for it. What a service
// mounts itself at the same place stays. Only what the file names is shared: of what an image makes a volume nothing is
// known yet.
func (c *converter) volumesFrom() {
	done := map[string]bool{}
	var take func(name string)
	take = func(name string) {
		if done[name] {
			return
		}
		done[name] = true // a circle ends here; the parser has refused it
		s := c.project.Services[name]
		for n, from := range s.VolumesFrom {
			key := item("volumes_from", n)
			of, mode, _ := strings.Cut(from, ":")
			if _, there := c.project.Services[of]; !there || of == name {
				c.refuse(name, key, "%q is not another service of this file, and would reach volumes of others", from)
				continue
			}
			if mode != "" && mode != "ro" && mode != "rw" {
				c.refuse(name, key, "%q must be the name of a service, with :ro or :rw", from)
				continue
			}
			take(of)
			mounted := c.sharedBy(of)
			if len(mounted) == 0 {
				c.note(
					name, key, "has nothing to share: %s mounts nothing here, and what its image makes a volume is its own; name that under volumes",
					of,
				)
			}
			for _, v := range mounted {
				if slices.ContainsFunc(s.Volumes, func(own types.ServiceVolumeConfig) bool {
					return path.Clean(own.Target) == path.Clean(v.Target)
				}) {
					continue
				}
				v.ReadOnly = v.ReadOnly || mode == "ro"
				s.Volumes = append(slices.Clip(s.Volumes), v)
			}
		}
		if len(s.VolumesFrom) > 0 && len(s.Volumes) > maxMounts {
			c.refuse(name, "volumes_from", "makes %d mounts; a service may have %d", len(s.Volumes), maxMounts)
			s.Volumes = s.Volumes[:maxMounts]
		}
		c.project.Services[name] = s
	}
	for _, name := range slices.Sorted(maps.Keys(c.project.Services)) {
		take(name)
	}
}

// sharedBy is what a service mounts of volumes and of the challenge's folder. Its volumes without a name get one, as
// they are the same elsewhere.
func (c *converter) sharedBy(name string) (all []types.ServiceVolumeConfig) {
	s := c.project.Services[name]
	for n := range s.Volumes {
		v := &s.Volumes[n]
		if v.Type == types.VolumeTypeVolume && v.Source == "" {
			v.Source = c.ownVolume(name, n)
		}
		if v.Type == types.VolumeTypeVolume || v.Type == types.VolumeTypeBind {
			all = append(all, *v)
		}
	}
	return all
}
