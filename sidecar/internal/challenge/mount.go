package challenge

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/go-units"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

const (
	defaultTmpfs = 64 << 20  // bytes
	maxTmpfs     = 256 << 20 // bytes
	secretsDir   = "/run/secrets"
)

// mounts are binds, volumes, in-memory file systems, configs and secrets of a service.
func (c *converter) mounts(s types.ServiceConfig, out *instancer.Service) {
	for n, v := range s.Volumes {
		key := item("volumes", n)
		if !c.target(s.Name, key, v.Target) {
			continue
		}
		switch v.Type {
		case types.VolumeTypeBind:
			if source, ok := c.within(s.Name, key, v.Source); ok {
				out.Mounts = append(out.Mounts, instancer.Mount{Source: source, Target: v.Target, ReadOnly: true})
			}
		case types.VolumeTypeVolume:
			if _, known := c.project.Volumes[v.Source]; !known {
				c.refuse(s.Name, key, "%q needs a name out of the file's volumes", v.Target)
				continue
			}
			m := instancer.Mount{Source: v.Source, Target: v.Target, Volume: true, ReadOnly: v.ReadOnly}
			m.NoCopy = v.Volume != nil && v.Volume.NoCopy
			out.Mounts = append(out.Mounts, m)
		case types.VolumeTypeTmpfs:
			t := instancer.Tmpfs{Target: v.Target, Bytes: defaultTmpfs}
			if v.Tmpfs != nil && v.Tmpfs.Size > 0 {
				t.Bytes = int64(v.Tmpfs.Size)
			}
			if v.Tmpfs != nil && v.Tmpfs.Mode > 0 {
				t.Options = append(t.Options, "mode="+strconv.FormatUint(uint64(v.Tmpfs.Mode), 8))
			}
			if v.ReadOnly {
				t.Options = append(t.Options, "ro")
			}
			c.tmpfs(s.Name, key, t, out)
		default:
			c.refuse(s.Name, key, "the type %q is not supported", v.Type)
		}
	}
	for n, text := range s.Tmpfs {
		target, options, _ := strings.Cut(text, ":")
		c.tmpfs(s.Name, item("tmpfs", n), c.tmpfsOptions(s.Name, item("tmpfs", n), target, options), out)
	}
	for n, g := range s.Configs {
		c.grant(s.Name, item("configs", n), types.FileReferenceConfig(g), "/", c.project.Configs[g.Source].File, out)
	}
	for n, g := range s.Secrets {
		c.grant(s.Name, item("secrets", n), types.FileReferenceConfig(g), secretsDir, c.project.Secrets[g.Source].File, out)
	}
	c.hidden(s.Name, out)
}

// within is a path of the challenge's folder as it really is; refused if it leads elsewhere.
func (c *converter) within(service, key, source string) (string, bool) {
	real, err := inside(c.dir, source)
	if os.IsNotExist(err) {
		name, _ := filepath.Rel(c.dir, source)
		c.refuse(service, key, "there is no %q in the challenge's folder", name)
		return "", false
	}
	if err != nil {
		c.refuse(service, key, "must be in the challenge's folder")
		return "", false
	}
	return real, true
}

// target refuses mounts over what the engine itself mounts.
func (c *converter) target(service, key, target string) bool {
	clean := path.Clean(target)
	own := clean == "/" || slices.ContainsFunc([]string{"/proc", "/sys", "/dev"}, func(dir string) bool { return clean == dir || strings.HasPrefix(clean, dir+"/") })
	if !path.IsAbs(target) || own {
		c.refuse(service, key, "the target %q must be an absolute path, not / and not in /proc, /sys or /dev", target)
		return false
	}
	return true
}

func (c *converter) tmpfs(service, key string, t instancer.Tmpfs, out *instancer.Service) {
	if !c.target(service, key, t.Target) {
		return
	}
	if t.Bytes <= 0 || t.Bytes > maxTmpfs {
		c.refuse(service, key, "the size must be from 1 byte to %s", units.BytesSize(maxTmpfs))
	}
	out.Tmpfs = append(out.Tmpfs, t)
}

// tmpfsFlags change nothing that matters to the host.
var tmpfsFlags = []string{"rw", "ro", "exec", "noexec", "nosuid", "nodev", "noatime", "relatime"}

func (c *converter) tmpfsOptions(service, key, target, options string) instancer.Tmpfs {
	t := instancer.Tmpfs{Target: target, Bytes: defaultTmpfs}
	if options == "" {
		return t
	}
	for option := range strings.SplitSeq(options, ",") {
		name, value, valued := strings.Cut(option, "=")
		base := map[string]int{"mode": 8, "uid": 10, "gid": 10}[name]
		_, err := strconv.ParseUint(value, max(base, 2), 32)
		switch {
		case name == "size" && valued:
			bytes, err := units.RAMInBytes(value)
			if err != nil {
				c.refuse(service, key, "%q is no size, as 64m", value)
				continue
			}
			t.Bytes = bytes
		case base > 0 && err == nil, !valued && slices.Contains(tmpfsFlags, option):
			t.Options = append(t.Options, option)
		default:
			c.refuse(service, key, "the option %q is not supported; it can be size=, mode=, uid=, gid=, %s", option, strings.Join(tmpfsFlags, ", "))
		}
	}
	return t
}

// grant mounts the file of a config or a secret, as the specification says where.
func (c *converter) grant(service, key string, g types.FileReferenceConfig, folder, file string, out *instancer.Service) {
	if file == "" {
		c.refuse(service, key, "%q has no file", g.Source)
		return
	}
	target := g.Target
	if target == "" {
		target = g.Source
	}
	if !path.IsAbs(target) {
		target = path.Join(folder, target)
	}
	source, ok := c.within(service, key, file)
	if !ok || !c.target(service, key, target) {
		return
	}
	if info, err := os.Stat(source); err != nil || !info.Mode().IsRegular() {
		c.refuse(service, key, "%q must be a file", g.Source)
	}
	out.Mounts = append(out.Mounts, instancer.Mount{Source: source, Target: target, ReadOnly: true})
}

// hidden refuses what would not be seen: the engine mounts in-memory file systems over the rest.
func (c *converter) hidden(service string, s *instancer.Service) {
	targets := map[string]bool{}
	for _, m := range s.Mounts {
		if targets[path.Clean(m.Target)] {
			c.refuse(service, "volumes", "%s is mounted twice", m.Target)
		}
		targets[path.Clean(m.Target)] = true
	}
	for _, t := range s.Tmpfs {
		for target := range targets {
			if over := path.Clean(t.Target); target == over || strings.HasPrefix(target, over+"/") {
				c.refuse(service, "tmpfs", "%s would hide %s", t.Target, target)
			}
		}
	}
}
