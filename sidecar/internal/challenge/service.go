package challenge

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/go-units"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

const (
	defaultGrace = 2 * time.Second
	maxGrace     = 30 * time.Second
	defaultTmpfs = 64 << 20  // bytes
	maxTmpfs     = 256 << 20 // bytes
	maxShm       = 256 << 20 // bytes
	checkTimeout = 30 * time.Second
)

// allowedUlimits can be set; nofile up to maxOpen.
var allowedUlimits = []string{"core", "cpu", "data", "fsize", "nofile", "nproc", "stack"}

const maxOpen = 1 << 20

// converter makes a Service of what compose-go read.
type converter struct {
	dir      string
	file     string
	problems *Problems
	volumes  types.Volumes
}

func (c *converter) refuse(service, key, format string, args ...any) {
	c.problems.add(c.file, 0, "services."+service+"."+key, format, args...)
}

func (c *converter) service(s types.ServiceConfig, d *definition, revision string) instancer.Service {
	out := instancer.Service{
		Name: s.Name, Image: s.Image, Entrypoint: s.Entrypoint, Command: s.Command, User: s.User, WorkingDir: s.WorkingDir,
		Hostname: s.Hostname, ReadOnly: s.ReadOnly, Init: s.Init == nil || *s.Init, StopSignal: s.StopSignal,
		StopGrace: defaultGrace, Capabilities: d.Security.Capabilities, AllowSetuid: d.Security.AllowSetuid,
		ShmBytes: min(int64(s.ShmSize), maxShm),
	}
	if s.Restart != "" && s.Restart != "no" {
		c.refuse(s.Name, "restart", "%q is not supported: an instance whose container ends is stopped, and the next request starts a fresh one", s.Restart)
	}
	if s.StopGracePeriod != nil {
		out.StopGrace = min(time.Duration(*s.StopGracePeriod), maxGrace)
	}
	if s.Build != nil {
		out.Build = c.build(s)
		out.Image = fmt.Sprintf("whaley/%s-%s:%s", d.ID, s.Name, revision)
	} else if s.Image == "" {
		c.refuse(s.Name, "image", "a service needs image or build")
	}
	for name, value := range s.Environment {
		if value == nil {
			c.refuse(s.Name, "environment."+name, "has no value; Whaley passes nothing on from its own environment")
			continue
		}
		out.Environment = append(out.Environment, name+"="+*value)
	}
	slices.Sort(out.Environment)
	out.Health = c.health(s)
	c.mounts(s, &out)
	for name, u := range s.Ulimits {
		if !slices.Contains(allowedUlimits, name) {
			c.refuse(s.Name, "ulimits."+name, "is not one of %v", allowedUlimits)
			continue
		}
		limit := instancer.Ulimit{Name: name, Soft: int64(u.Soft), Hard: int64(u.Hard)}
		if u.Single != 0 {
			limit.Soft, limit.Hard = int64(u.Single), int64(u.Single)
		}
		if name == "nofile" && limit.Hard > maxOpen {
			c.refuse(s.Name, "ulimits.nofile", "must be at most %d", maxOpen)
		}
		out.Ulimits = append(out.Ulimits, limit)
	}
	for name, d := range s.DependsOn {
		out.DependsOn = append(out.DependsOn, instancer.Dependency{Service: name, Condition: instancer.Condition(d.Condition)})
	}
	slices.SortFunc(out.DependsOn, func(a, b instancer.Dependency) int { return strings.Compare(a.Service, b.Service) })
	c.noTokens(s.Name, out)
	return out
}

// noTokens refuses variables where their value would be needed before there is an instance.
func (c *converter) noTokens(service string, s instancer.Service) {
	s.Command, s.Entrypoint, s.Environment, s.Health = nil, nil, nil, nil
	if strings.Contains(fmt.Sprintf("%+v %+v", s, s.Build), "@{whaley:") {
		c.refuse(service, "$", "Whaley's variables can stand in command, entrypoint, environment and healthcheck only")
	}
}

func (c *converter) build(s types.ServiceConfig) *instancer.Build {
	context, err := inside(c.dir, s.Build.Context)
	if err != nil {
		c.refuse(s.Name, "build.context", "must be a folder in the challenge's folder")
		return nil
	}
	dockerfile := s.Build.Dockerfile
	if dockerfile == "" {
		dockerfile = "Dockerfile"
	}
	if !filepath.IsAbs(dockerfile) {
		dockerfile = filepath.Join(context, dockerfile)
	}
	real, err := inside(context, dockerfile)
	if err != nil {
		c.refuse(s.Name, "build.dockerfile", "there is no %q in the build's context", s.Build.Dockerfile)
		return nil
	}
	relative, err := filepath.Rel(context, real)
	if err != nil {
		c.refuse(s.Name, "build.dockerfile", "%s", err)
	}
	b := &instancer.Build{Context: context, Dockerfile: relative, Target: s.Build.Target, Args: map[string]string{}}
	for name, value := range s.Build.Args {
		if value == nil {
			c.refuse(s.Name, "build.args."+name, "has no value; Whaley passes nothing on from its own environment")
			continue
		}
		b.Args[name] = *value
	}
	return b
}

func (c *converter) health(s types.ServiceConfig) *instancer.Health {
	h := s.HealthCheck
	if h == nil {
		return nil
	}
	if h.Disable || len(h.Test) > 0 && h.Test[0] == "NONE" {
		return &instancer.Health{} // nothing to test: not the image's own check either
	}
	health := &instancer.Health{Timeout: checkTimeout}
	if h.Timeout != nil {
		health.Timeout = time.Duration(*h.Timeout)
	}
	switch {
	case len(h.Test) > 1 && h.Test[0] == "CMD":
		health.Test = h.Test[1:]
	case len(h.Test) == 2 && h.Test[0] == "CMD-SHELL":
		health.Test = []string{"/bin/sh", "-c", h.Test[1]}
	default:
		c.refuse(s.Name, "healthcheck.test", `must be ["CMD", …], ["CMD-SHELL", "…"], ["NONE"] or a string`)
	}
	return health
}

func (c *converter) mounts(s types.ServiceConfig, out *instancer.Service) {
	for _, v := range s.Volumes {
		if !path.IsAbs(v.Target) {
			c.refuse(s.Name, "volumes", "the target %q must be an absolute path", v.Target)
		}
		switch v.Type {
		case types.VolumeTypeBind:
			source, err := inside(c.dir, v.Source)
			if err != nil {
				c.refuse(s.Name, "volumes", "the source of %q must be in the challenge's folder", v.Target)
				continue
			}
			out.Mounts = append(out.Mounts, instancer.Mount{Source: source, Target: v.Target, ReadOnly: true})
		case types.VolumeTypeVolume:
			if _, known := c.volumes[v.Source]; !known {
				c.refuse(s.Name, "volumes", "%q needs a name out of the file's volumes", v.Target)
				continue
			}
			out.Mounts = append(out.Mounts, instancer.Mount{Source: v.Source, Target: v.Target, Volume: true, ReadOnly: v.ReadOnly})
		case types.VolumeTypeTmpfs:
			size := int64(defaultTmpfs)
			if v.Tmpfs != nil && v.Tmpfs.Size > 0 {
				size = int64(v.Tmpfs.Size)
			}
			out.Tmpfs = append(out.Tmpfs, instancer.Tmpfs{Target: v.Target, Bytes: min(size, maxTmpfs)})
		default:
			c.refuse(s.Name, "volumes", "the type %q is not supported", v.Type)
		}
	}
	for _, text := range s.Tmpfs {
		target, options, _ := strings.Cut(text, ":")
		t := instancer.Tmpfs{Target: target, Bytes: defaultTmpfs}
		for option := range strings.SplitSeq(options, ",") {
			name, value, _ := strings.Cut(option, "=")
			if name != "size" {
				continue // Whaley sets the others itself
			}
			bytes, err := units.RAMInBytes(value)
			if err != nil {
				c.refuse(s.Name, "tmpfs", "%q is no size", value)
			}
			t.Bytes = min(bytes, maxTmpfs)
		}
		out.Tmpfs = append(out.Tmpfs, t)
	}
}
