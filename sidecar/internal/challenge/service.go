package challenge

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/go-units"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	defaultGrace = 2 * time.Second
	maxGrace     = 30 * time.Second
	checkTimeout = 30 * time.Second
)

// allowedUlimits can be set, up to these.
var allowedUlimits = map[string]int64{
	"core": 0, "cpu": 1 << 31, "data": 1 << 40, "fsize": 1 << 40, "nofile": 1 << 20, "nproc": 1 << 20, "stack": 1 << 30,
}

// converter makes a Service of what compose-go read. It takes what is known and nothing else, whatever the file says.
type converter struct {
	dir      string
	file     string
	problems *Problems
	project  *types.Project
	at       lines
	most     whaley.Limits       // of the whole instance
	aliases  map[string][]string // further names of services
	copies   map[string]string   // folder of the challenge → volume with each instance's copy
	absent   map[string]string   // folder that the challenge does not have → volume that is there instead
}

func (c *converter) refuse(service, key, format string, args ...any) {
	c.problems.add(c.file, 0, "services."+service+"."+key, format, args...)
}

func (c *converter) note(service, key, format string, args ...any) {
	c.problems.note(c.file, 0, "services."+service+"."+key, format, args...)
}

func (c *converter) service(s types.ServiceConfig, d *definition, revision string) whaley.Service {
	out := whaley.Service{
		Name: s.Name, Image: s.Image, Entrypoint: s.Entrypoint, Command: s.Command, User: s.User, Groups: s.GroupAdd,
		WorkingDir: s.WorkingDir, Hostname: s.Hostname, Domain: s.DomainName, ReadOnly: s.ReadOnly,
		Init: s.Init != nil && *s.Init,
		TTY:  s.Tty, Stdin: s.StdinOpen, StopSignal: s.StopSignal, StopGrace: defaultGrace,
		Runtime: d.Security.Runtime, AllowSetuid: d.Security.AllowSetuid && len(s.SecurityOpt) == 0,
		ShmBytes: int64(s.ShmSize), Limits: wanted(s),
	}
	if most := c.most.MemoryBytes; out.ShmBytes < 0 || out.ShmBytes > most {
		out.ShmBytes = most
		c.note(s.Name, "shm_size", "is cut to %s, the memory of the whole instance", units.BytesSize(float64(most)))
	}
	if s.StopGracePeriod != nil {
		out.StopGrace = time.Duration(*s.StopGracePeriod)
	}
	if out.StopGrace < 0 || out.StopGrace > maxGrace {
		out.StopGrace = maxGrace
		c.note(s.Name, "stop_grace_period", "is cut to %s", maxGrace)
	}
	if s.Platform != "" && !ofThisHost(s.Platform) {
		c.refuse(s.Name, "platform", "%q is not this host's, which is linux/%s", s.Platform, runtime.GOARCH)
	}
	switch {
	case s.Build != nil:
		out.Build = c.build(s)
		out.Image = imageName(d.ID, s.Name, revision)
	case s.Image == "":
		c.refuse(s.Name, "image", "a service needs image or build")
	case c.archived(s.Image) != "":
		out.Archive, _ = c.within(s.Name, "image", c.archived(s.Image))
		out.Image = imageName(d.ID, s.Name, revision)
	case s.PullPolicy == "build":
		c.refuse(s.Name, "pull_policy", `"build" needs a build`)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Environment)) {
		value := s.Environment[name]
		if value == nil {
			c.note(
				s.Name, "environment."+name,
				"is left out: it has no value here or in .env, and Whaley passes nothing on from its own environment",
			)
			continue
		}
		out.Environment = append(out.Environment, name+"="+*value)
	}
	out.Restart = c.restart(s)
	out.Health = c.health(s)
	c.capabilities(s, d, &out)
	c.jail(&out, s)
	c.mounts(s, &out)
	c.ulimits(s, &out)
	for _, name := range slices.Sorted(maps.Keys(s.DependsOn)) {
		if !s.DependsOn[name].Required {
			if _, there := c.project.Services[name]; !there {
				c.note(s.Name, "depends_on", "%s is not waited for: it is not there, and need not be", name)
				continue
			}
			c.note(s.Name, "depends_on", "%s is waited for like all others, though it need not be there", name)
		}
		out.DependsOn = append(
			out.DependsOn, whaley.Dependency{Service: name, Condition: whaley.Condition(s.DependsOn[name].Condition)},
		)
	}
	c.ports(s, d)
	c.noTokens(s.Name, out)
	return out
}

// ofThisHost says whether a platform's programs run here.
func ofThisHost(platform string) bool {
	system, architecture, _ := strings.Cut(platform, "/")
	if architecture == "" {
		system, architecture = "linux", system
	}
	architecture = cmp.Or(
		map[string]string{"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"}[architecture],
		strings.TrimSuffix(architecture, "/v8"),
	)
	return system == "linux" && architecture == runtime.GOARCH
}

// restart is when a service is started again. Nobody stops one by hand, so always and unless-stopped are the same.
func (c *converter) restart(s types.ServiceConfig) *whaley.Restart {
	policy, tries, counted := strings.Cut(s.Restart, ":")
	n, err := strconv.Atoi(tries)
	switch {
	case s.Restart == "" || s.Restart == "no" || s.Restart == "false":
		return nil
	case s.Restart == "always" || s.Restart == "unless-stopped":
		for _, other := range c.project.Services {
			if other.DependsOn[s.Name].Condition == types.ServiceConditionCompletedSuccessfully {
				c.refuse(
					s.Name, "restart",
					"%s waits for this service to complete, which it never does with %q; write \"no\" or \"on-failure\"", other.Name,
					s.Restart,
				)
			}
		}
		return &whaley.Restart{}
	case policy == "on-failure" && (!counted || err == nil && n > 0):
		return &whaley.Restart{Failure: true, Tries: n}
	}
	c.refuse(s.Name, "restart", "%q must be no, always, unless-stopped, on-failure or on-failure:<tries>", s.Restart)
	return nil
}

// noTokens refuses variables where their value would be needed before there is an instance.
func (c *converter) noTokens(service string, s whaley.Service) {
	if slices.ContainsFunc(*c.problems, func(p Problem) bool { return !p.Note && within(p.Key, "services."+service) }) {
		return // it is told already where they stand
	}
	s.Command, s.Entrypoint, s.Environment, s.Health = nil, nil, nil, nil
	s.Mounts = slices.Clone(s.Mounts)
	for n := range s.Mounts {
		s.Mounts[n].Text = ""
	}
	if s.Build != nil { // whose arguments may be a flag, see flagArguments; variablesOf has refused others
		b := *s.Build
		b.Args, s.Build = nil, &b
	}
	if strings.Contains(fmt.Sprintf("%+v %+v", s, s.Build), "@{whaley:") {
		c.refuse(service, "$", "Whaley's variables can stand in %s only", strings.Join(carriers, ", "))
	}
}

func (c *converter) build(s types.ServiceConfig) *whaley.Build {
	context, err := inside(c.dir, s.Build.Context)
	if err != nil || !isFolder(context) {
		c.refuse(s.Name, "build.context", "must be a folder in the challenge's folder")
		return nil
	}
	b := &whaley.Build{Context: context, Target: s.Build.Target, Args: map[string]string{}}
	if !c.dockerfile(s, b) {
		return nil
	}
	for name, value := range s.Build.Args {
		if value != nil {
			b.Args[name] = *value
		}
	}
	for key := range c.at { // the parser drops those of a list that have no value
		name, isArgument := strings.CutPrefix(key, "services."+s.Name+".build.args.")
		if _, given := b.Args[name]; isArgument && !given {
			c.note(
				s.Name, "build.args."+name,
				"is left out: it has no value here or in .env, and Whaley passes nothing on from its own environment",
			)
		}
	}
	b.Secrets = c.buildSecrets(s)
	return b
}

// maxBuildSecret is what BuildKit takes.
const maxBuildSecret = 500 << 10 // bytes

// buildSecrets are the files that RUN --mount=type=secret sees while the image is built.
func (c *converter) buildSecrets(s types.ServiceConfig) map[string]string {
	if len(s.Build.Secrets) == 0 {
		return nil
	}
	all := map[string]string{}
	for n, g := range s.Build.Secrets {
		key, id := item("build.secrets", n), cmp.Or(g.Target, g.Source)
		file := c.project.Secrets[g.Source].File
		if file == "" {
			c.refuse(s.Name, key, "%q has no file, which a secret of a build must have", g.Source)
			continue
		}
		source, ok := c.within(s.Name, key, file)
		if !ok {
			continue
		}
		if info, err := os.Stat(source); err != nil || !info.Mode().IsRegular() || info.Size() > maxBuildSecret {
			c.refuse(s.Name, key, "%q must be a file of at most %d KB", g.Source, maxBuildSecret>>10)
		}
		all[id] = source
	}
	return all
}

// archived is the path of an image that is a file of docker save in the folder; empty: it is the name of one.
func (c *converter) archived(image string) string {
	for _, end := range []string{".tar", ".tar.gz", ".tgz"} {
		if strings.HasSuffix(image, end) {
			path := absolute(c.project.WorkingDir, image)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				return path
			}
		}
	}
	return ""
}

// health takes the check and how long one may take. How often it is run is ours: at once and again until it passes.
func (c *converter) health(s types.ServiceConfig) *whaley.Health {
	h := s.HealthCheck
	if h == nil {
		return nil
	}
	if h.Disable || len(h.Test) > 0 && h.Test[0] == "NONE" {
		return &whaley.Health{} // nothing to test: not the image's own check either
	}
	health := &whaley.Health{Timeout: checkTimeout}
	if h.Timeout != nil && *h.Timeout > 0 {
		health.Timeout = time.Duration(*h.Timeout)
	}
	switch {
	case len(h.Test) > 1 && h.Test[0] == "CMD":
		health.Test = h.Test[1:]
	case len(h.Test) > 1 && h.Test[0] == "CMD-SHELL": // the engine gives the shell what follows as arguments
		health.Test = append([]string{"/bin/sh", "-c"}, h.Test[1:]...)
	default:
		c.refuse(s.Name, "healthcheck.test", `must be ["CMD", …], ["CMD-SHELL", "…"], ["NONE"] or a string`)
	}
	return health
}

// capabilities are those of instance.toml for all services, and the service's own.
func (c *converter) capabilities(s types.ServiceConfig, d *definition, out *whaley.Service) {
	out.Capabilities = slices.Clone(d.Security.Capabilities)
	for n, name := range s.CapAdd {
		capability, ok := grant(name)
		switch {
		case slices.Contains(spareCapabilities, capability):
			c.note(
				s.Name, item("cap_add", n),
				"%s is left out: containers do not have it; try with whaley test whether it works without", capability,
			)
		case !ok && !slices.Contains(whaley.DefaultCapabilities, capability):
			c.refuse(
				s.Name, item("cap_add", n), "%q is not allowed; it can be %s", name, strings.Join(allowedCapabilities, ", "),
			)
		case !slices.Contains(out.Capabilities, capability):
			out.Capabilities = append(out.Capabilities, capability)
		}
	}
	for _, name := range s.CapDrop {
		out.Drop = append(out.Drop, strings.TrimPrefix(strings.ToUpper(name), "CAP_"))
	}
}

func (c *converter) ulimits(s types.ServiceConfig, out *whaley.Service) {
	for _, name := range slices.Sorted(maps.Keys(s.Ulimits)) {
		u := s.Ulimits[name]
		most, known := allowedUlimits[name]
		if !known {
			c.note(
				s.Name, "ulimits."+name, "is left out; there are %s", strings.Join(slices.Sorted(maps.Keys(allowedUlimits)), ", "),
			)
			continue
		}
		limit := whaley.Ulimit{Name: name, Soft: int64(u.Soft), Hard: int64(u.Hard)}
		if u.Single != 0 {
			limit.Soft, limit.Hard = int64(u.Single), int64(u.Single)
		}
		if limit.Soft < 0 || limit.Hard < limit.Soft || limit.Hard > most { // -1 is without end
			limit.Hard = most
			if limit.Soft < 0 || limit.Soft > most {
				limit.Soft = most
			}
			c.note(s.Name, "ulimits."+name, "is cut to %d", most)
		}
		out.Ulimits = append(out.Ulimits, limit)
	}
}
