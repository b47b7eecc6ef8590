package docker

import (
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/go-units"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	defaultShm      = 64 << 20 // bytes
	defaultOpenSoft = 4096
	defaultOpenHard = 16384 // an engine without CAP_SYS_RESOURCE cannot raise its own limit, often 20000
)

// harden is what every container is subject to, whatever its challenge says.
func harden(s whaley.Service) *container.HostConfig {
	init := s.Init
	pids := s.Limits.Pids
	shm := s.ShmBytes
	if shm == 0 {
		shm = defaultShm
	}
	host := &container.HostConfig{
		CapDrop:        []string{"ALL"},
		CapAdd:         capabilities(s),
		GroupAdd:       s.Groups,
		CgroupnsMode:   container.CgroupnsModePrivate,
		IpcMode:        container.IPCModePrivate,
		Init:           &init,
		Runtime:        s.Runtime,
		LogConfig:      container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "2m", "max-file": "2"}},
		ReadonlyRootfs: s.ReadOnly,
		RestartPolicy:  container.RestartPolicy{Name: container.RestartPolicyDisabled},
		ShmSize:        shm,
		Tmpfs:          tmpfs(s),
		Resources: container.Resources{
			Memory:     s.Limits.MemoryBytes,
			MemorySwap: s.Limits.MemoryBytes, // the same: no swap
			NanoCPUs:   s.Limits.NanoCPUs,
			PidsLimit:  &pids,
			Ulimits:    ulimits(s),
		},
	}
	if !s.AllowSetuid {
		host.SecurityOpt = []string{"no-new-privileges:true"}
	}
	return host
}

// capabilities are the default ones without what the service drops, and what it was granted.
func capabilities(s whaley.Service) []string {
	all := slices.DeleteFunc(slices.Clone(whaley.DefaultCapabilities), func(c string) bool {
		return slices.Contains(s.Drop, c) || slices.Contains(s.Drop, "ALL")
	})
	for _, c := range s.Capabilities {
		if !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return all
}

func ulimits(s whaley.Service) []*units.Ulimit {
	limits := map[string]*units.Ulimit{
		"nofile": {Name: "nofile", Soft: defaultOpenSoft, Hard: defaultOpenHard},
		"core":   {Name: "core"},
	}
	for _, l := range s.Ulimits {
		limits[l.Name] = &units.Ulimit{Name: l.Name, Soft: l.Soft, Hard: l.Hard}
	}
	all := make([]*units.Ulimit, 0, len(limits))
	for _, l := range limits {
		all = append(all, l)
	}
	return all
}

func tmpfs(s whaley.Service) map[string]string {
	all := map[string]string{}
	for _, t := range s.Tmpfs {
		all[t.Target] = strings.Join(
			append([]string{"rw", "nosuid", "nodev", "size=" + strconv.FormatInt(t.Bytes, 10)}, t.Options...), ",",
		)
	}
	return all
}

func mounts(s whaley.Service, volumes map[string]string) []mount.Mount {
	var all []mount.Mount
	for _, m := range s.Mounts {
		if m.From != "" && !m.Volume {
			continue // it lies in the container
		}
		if m.Volume {
			all = append(
				all, mount.Mount{Type: mount.TypeVolume, Source: volumes[m.Source], Target: m.Target, ReadOnly: m.ReadOnly,
					VolumeOptions: &mount.VolumeOptions{NoCopy: m.NoCopy}},
			)
			continue
		}
		all = append(all, mount.Mount{Type: mount.TypeBind, Source: m.Source, Target: m.Target, ReadOnly: true,
			BindOptions: &mount.BindOptions{Propagation: mount.PropagationRPrivate}})
	}
	return all
}

func itoa(n int) string { return strconv.Itoa(n) }
