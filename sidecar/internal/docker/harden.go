package docker

import (
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/go-units"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const defaultShm = 64 << 20 // bytes

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
		CapAdd:         s.AllCapabilities(),
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

func ulimits(s whaley.Service) []*units.Ulimit {
	var all []*units.Ulimit
	for _, l := range s.AllUlimits() {
		all = append(all, &units.Ulimit{Name: l.Name, Soft: l.Soft, Hard: l.Hard})
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
