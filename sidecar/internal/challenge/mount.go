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

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	defaultTmpfs = 64 << 20  // bytes
	maxTmpfs     = 256 << 20 // bytes
	secretsDir   = "/run/secrets"
)

// mounts are binds, volumes, in-memory file systems, configs and secrets of a service.
func (c *converter) mounts(s types.ServiceConfig, out *whaley.Service) {
	for n, v := range s.Volumes {
		key := item("volumes", n)
		if v.Type == types.VolumeTypeBind && ofTheHost(v.Source) {
			c.note(s.Name, key, "%s is left out: it is the host's", v.Source)
			continue
		}
		if v.Type == types.VolumeTypeBind && c.certificate(v.Source) {
			c.note(
				s.Name, key,
				"%s is left out: it is a certificate or key of the host. Players have TLS from Whaley; a server that is told to "+
					"use it must do without, or have one of its own in the challenge's folder", v.Source,
			)
			continue
		}
		if !c.target(s.Name, key, v.Target) {
			continue
		}
		switch v.Type {
		case types.VolumeTypeBind:
			c.bind(s.Name, key, v, out)
		case types.VolumeTypeVolume:
			if v.Source == "" {
				v.Source = c.ownVolume(s.Name, n)
			}
			if _, known := c.project.Volumes[v.Source]; !known {
				c.refuse(s.Name, key, "%q is none of the file's volumes; name it under volumes", v.Source)
				continue
			}
			m := whaley.Mount{Source: v.Source, Target: v.Target, Volume: true, ReadOnly: v.ReadOnly}
			m.NoCopy = v.Volume != nil && v.Volume.NoCopy
			out.Mounts = append(out.Mounts, m)
		case types.VolumeTypeTmpfs:
			t := whaley.Tmpfs{Target: v.Target, Bytes: defaultTmpfs}
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
		c.grant(s.Name, item("configs", n), types.FileReferenceConfig(g), "/", types.FileObjectConfig(c.project.Configs[g.Source]), out)
	}
	for n, g := range s.Secrets {
		c.grant(s.Name, item("secrets", n), types.FileReferenceConfig(g), secretsDir, types.FileObjectConfig(c.project.Secrets[g.Source]), out)
	}
	c.hidden(s.Name, out)
}

// hostFiles are what authors mount of their own host and a container does well without.
var hostFiles = []string{
	"/etc/letsencrypt", "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/usr/share/ca-certificates",
	"/usr/local/share/ca-certificates", "/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo", "/sys/fs/cgroup",
}

// ofTheHost says whether a mount may be left out: certificates, the time zone, and what only a jail would manage.
func ofTheHost(source string) bool {
	clean := path.Clean(source)
	return slices.ContainsFunc(
		hostFiles, func(dir string) bool { return clean == dir || strings.HasPrefix(clean, dir+"/") },
	)
}

// certificate says whether a mount is a certificate or its key, somewhere on the author's host.
func (c *converter) certificate(source string) bool {
	clean := path.Clean(source)
	below, err := filepath.Rel(c.dir, clean)
	return path.IsAbs(clean) && (err != nil || !filepath.IsLocal(below)) &&
		slices.Contains([]string{".crt", ".cer", ".cert", ".key", ".pem"}, path.Ext(clean))
}

// bind mounts a file or folder of the challenge. One that is not there is an empty folder, as for Compose, and the same
// for all services that name it.
func (c *converter) bind(service, key string, v types.ServiceVolumeConfig, out *whaley.Service) {
	source, err := inside(c.dir, v.Source)
	if os.IsNotExist(err) {
		if c.absent == nil {
			c.absent = map[string]string{}
		}
		name := c.absent[path.Clean(v.Source)]
		if name == "" {
			name = c.ownVolume(service, len(out.Mounts))
			c.absent[path.Clean(v.Source)] = name
		}
		relative, _ := filepath.Rel(c.dir, v.Source)
		c.note(
			service, key, "there is no %q in the challenge's folder: %s is an empty volume of each instance", relative, v.Target,
		)
		out.Mounts = append(out.Mounts, whaley.Mount{Source: name, Target: v.Target, Volume: true, ReadOnly: v.ReadOnly})
		return
	}
	if err != nil {
		c.refuse(service, key, "must be in the challenge's folder")
		return
	}
	if !v.ReadOnly {
		c.own(service, key, source, v, out)
		return
	}
	out.Mounts = append(out.Mounts, whaley.Mount{Source: source, Target: v.Target, ReadOnly: true})
}

// ofTheEngine are files that every container has of the engine.
var ofTheEngine = []string{"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}

// own gives each instance a copy of its own of what is mounted to be written: the challenge's is everybody's. Services
// that mount the same folder share the copy.
func (c *converter) own(service, key, source string, v types.ServiceVolumeConfig, out *whaley.Service) {
	m := whaley.Mount{Source: source, From: source, Target: v.Target}
	switch {
	case isFolder(source):
		if c.copies == nil {
			c.copies = map[string]string{}
		}
		if c.copies[source] == "" {
			c.copies[source] = c.ownVolume(service, len(out.Mounts))
		}
		m.Source, m.Volume, m.NoCopy = c.copies[source], true, true
	case out.ReadOnly || slices.Contains(ofTheEngine, path.Clean(v.Target)):
		c.note(
			service, key, "%s cannot be written: a file that is written lies among the container's own, and those are read-only",
			v.Target,
		)
		out.Mounts = append(out.Mounts, whaley.Mount{Source: source, Target: v.Target, ReadOnly: true})
		return
	}
	c.note(
		service, key,
		"each instance has a copy of its own in %s, seen by no other and gone with it; with :ro, where nothing is written, there is "+
			"none to be made", v.Target,
	)
	out.Mounts = append(out.Mounts, m)
}

// share lets services that only read a folder which others write see what these write.
func (c *converter) share(services []whaley.Service) {
	for n := range services {
		for i, m := range services[n].Mounts {
			if name := c.copies[m.Source]; name != "" && !m.Volume {
				services[n].Mounts[i] = whaley.Mount{
					Source: name, From: m.Source, Target: m.Target, Volume: true, NoCopy: true, ReadOnly: true,
				}
			}
		}
	}
}

// ownVolume names a volume that the file has no name for.
func (c *converter) ownVolume(service string, n int) string {
	name := service + "-" + strconv.Itoa(n)
	for _, taken := c.project.Volumes[name]; taken; _, taken = c.project.Volumes[name] {
		name += "-" + strconv.Itoa(n)
	}
	if c.project.Volumes == nil {
		c.project.Volumes = types.Volumes{}
	}
	c.project.Volumes[name] = types.VolumeConfig{}
	return name
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
	own := clean == "/" ||
		slices.ContainsFunc(
			[]string{"/proc", "/sys", "/dev"},
			func(dir string) bool { return clean == dir || strings.HasPrefix(clean, dir+"/") },
		)
	if !path.IsAbs(target) || own {
		c.refuse(service, key, "the target %q must be an absolute path, not / and not in /proc, /sys or /dev", target)
		return false
	}
	return true
}

func (c *converter) tmpfs(service, key string, t whaley.Tmpfs, out *whaley.Service) {
	if path.Clean(t.Target) == "/dev/shm" {
		c.note(service, key, "is left out: every container has /dev/shm, as large as shm_size says")
		return
	}
	if !c.target(service, key, t.Target) {
		return
	}
	if t.Bytes <= 0 || t.Bytes > maxTmpfs {
		t.Bytes = maxTmpfs
		c.note(service, key, "is cut to %s", units.BytesSize(maxTmpfs))
	}
	out.Tmpfs = append(out.Tmpfs, t)
}

// tmpfsFlags change nothing that matters to the host.
var tmpfsFlags = []string{"rw", "ro", "exec", "noexec", "nosuid", "nodev", "noatime", "relatime"}

func (c *converter) tmpfsOptions(service, key, target, options string) whaley.Tmpfs {
	t := whaley.Tmpfs{Target: target, Bytes: defaultTmpfs}
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
				c.refuse(service, key, "%q is not a size, as 64m", value)
				continue
			}
			t.Bytes = bytes
		case base > 0 && err == nil, !valued && slices.Contains(tmpfsFlags, option):
			t.Options = append(t.Options, option)
		default:
			c.refuse(
				service, key, "the option %q is not supported; it can be size=, mode=, uid=, gid=, %s", option,
				strings.Join(tmpfsFlags, ", "),
			)
		}
	}
	return t
}

// grant mounts the file of a config or a secret, as the specification says where. Its text may stand in the compose
// file too, or be a variable's, which are those of .env and Whaley's own, the organisers' among them.
func (c *converter) grant(
	service, key string, g types.FileReferenceConfig, folder string, of types.FileObjectConfig, out *whaley.Service,
) {
	text := of.Content
	if of.Environment != "" {
		value, set := c.project.Environment.Resolve(of.Environment)
		if !set {
			c.refuse(
				service, key, "%q is of $%s, which is set nowhere; set it in .env beside the file or as a variable in the panel", g.Source,
				of.Environment,
			)
			return
		}
		text = value
	}
	if of.File == "" && text == "" && of.Environment == "" {
		c.refuse(service, key, "%q has neither file nor content nor environment", g.Source)
		return
	}
	target := g.Target
	if target == "" {
		target = g.Source
	}
	if !path.IsAbs(target) {
		target = path.Join(folder, target)
	}
	if !c.target(service, key, target) {
		return
	}
	if of.File == "" {
		out.Mounts = append(out.Mounts, whaley.Mount{Target: target, ReadOnly: true, Written: true, Text: text})
		return
	}
	source, ok := c.within(service, key, of.File)
	if !ok {
		return
	}
	if info, err := os.Stat(source); err != nil || !info.Mode().IsRegular() {
		c.refuse(service, key, "%q must be a file", g.Source)
	}
	out.Mounts = append(out.Mounts, whaley.Mount{Source: source, Target: target, ReadOnly: true})
}

// hidden refuses what would not be seen: the engine mounts in-memory file systems over the rest.
func (c *converter) hidden(service string, s *whaley.Service) {
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
