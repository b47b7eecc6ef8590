package challenge

import (
	"errors"
	"slices"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/docker/go-units"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// definitionFile is the name of a challenge's own file.
const definitionFile = "instance.toml"

// definition is instance.toml.
type definition struct {
	ID                  string    `toml:"id"`
	Name                string    `toml:"name"`
	Category            string    `toml:"category"`
	Description         string    `toml:"description"`
	Timeout             int       `toml:"timeout"`     // seconds
	ExtendTime          int       `toml:"extend_time"` // seconds
	DisableDynamicFlags bool      `toml:"disable_dynamic_flags"`
	Access              string    `toml:"access"`
	Wake                bool      `toml:"wake"`
	Egress              bool      `toml:"egress"`
	Connection          string    `toml:"connection"` // of the first route
	Routes              []routing `toml:"routes"`
	Limits              limiting  `toml:"limits"`
	Security            securing  `toml:"security"`
	Flag                flagging  `toml:"flag"`
}

type routing struct {
	Name        string `toml:"name"`
	Service     string `toml:"service"`
	Port        int    `toml:"port"`
	Type        string `toml:"type"`
	Passthrough bool   `toml:"passthrough"`
	EntryPoint  string `toml:"entrypoint"`
	TLS         bool   `toml:"tls"`
	Connection  string `toml:"connection"`
}

type limiting struct {
	Memory string  `toml:"memory"`
	CPUs   float64 `toml:"cpus"`
	Pids   int64   `toml:"pids"`
}

type securing struct {
	Capabilities []string `toml:"capabilities"`
	AllowSetuid  bool     `toml:"allow_setuid"`
}

type flagging struct {
	Place string `toml:"place"`
}

const (
	maxTimeout     = 7 * 24 * 3600 // seconds
	maxDescription = 32 << 10      // bytes
)

// allowedCapabilities can be asked for: none of them reaches beyond the container's own namespaces.
var allowedCapabilities = []string{"AUDIT_WRITE", "FSETID", "NET_RAW", "SETFCAP", "SYS_CHROOT", "SYS_PTRACE"}

// readDefinition decodes instance.toml over the defaults.
func readDefinition(file, text, folder string, defaults Defaults) (definition, Problems) {
	var problems Problems
	d := definition{
		ID: folder, Name: folder, Category: "misc", Timeout: int(defaults.Timeout / time.Second),
		Access: string(defaults.Access), Wake: true, Flag: flagging{Place: "auto"},
	}
	decoded, err := toml.Decode(text, &d)
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		problems.add(file, syntax.Position.Line, syntax.LastKey, "%s", syntax.Message)
		return d, problems
	}
	if err != nil {
		problems.add(file, 0, "", "%s", err)
		return d, problems
	}
	for _, key := range decoded.Undecoded() {
		problems.add(file, 0, key.String(), "is not a key of instance.toml; is it a typing error?")
	}
	if !decoded.IsDefined("extend_time") {
		d.ExtendTime = d.Timeout / 2
	}
	check := func(ok bool, key, format string, args ...any) {
		if !ok {
			problems.add(file, 0, key, format, args...)
		}
	}
	check(host.ValidChallenge(d.ID), "id", "%q must be of a-z, 0-9 and single hyphens inside, at most 40", d.ID)
	check(d.Name != "" && len(d.Name) <= 200, "name", "must have 1 to 200 bytes")
	check(d.Category != "" && len(d.Category) <= 60, "category", "must have 1 to 60 bytes")
	check(len(d.Description) <= maxDescription, "description", "must have at most %d bytes", maxDescription)
	check(d.Timeout >= 10 && d.Timeout <= maxTimeout, "timeout", "%d must be from 10 to %d seconds", d.Timeout, maxTimeout)
	check(d.ExtendTime >= 0 && d.ExtendTime <= d.Timeout, "extend_time", "%d must be from 0 to the timeout, %d seconds", d.ExtendTime, d.Timeout)
	check(d.Access == "link" || d.Access == "owner", "access", `%q must be "link" or "owner"`, d.Access)
	check(slices.Contains([]string{"auto", "build", "env", "none"}, d.Flag.Place), "flag.place", `%q must be "auto", "build", "env" or "none"`, d.Flag.Place)
	for _, c := range d.Security.Capabilities {
		check(slices.Contains(allowedCapabilities, c), "security.capabilities", "%q is not one of %v", c, allowedCapabilities)
	}
	checkRoutes(&d, file, &problems)
	return d, problems
}

func checkRoutes(d *definition, file string, problems *Problems) {
	check := func(ok bool, key, format string, args ...any) {
		if !ok {
			problems.add(file, 0, "routes."+key, format, args...)
		}
	}
	check(len(d.Routes) > 0, "", "there must be at least one [[routes]] with service, port and type")
	names, published := map[string]bool{}, map[int]bool{}
	for n := range d.Routes {
		r := &d.Routes[n]
		if n == 0 && d.Connection != "" && r.Connection == "" {
			r.Connection = d.Connection
		}
		if r.Type == "" {
			r.Type = "http"
		}
		if n == 0 {
			check(r.Name == "", "name", "the first route has none: its host is the challenge's own")
		} else {
			check(host.ValidRoute(r.Name), "name", "%q of route %d must be of a-z, 0-9 and single hyphens inside, 1 to 20", r.Name, n+1)
			check(host.Fits(r.Name, d.ID), "name", "%q and the id %q are together too long for a host name", r.Name, d.ID)
		}
		check(!names[r.Name], "name", "%q is there twice", r.Name)
		names[r.Name] = true
		check(r.Port >= 1 && r.Port <= 65535, "port", "%d must be from 1 to 65535", r.Port)
		switch instancer.RouteType(r.Type) {
		case instancer.RouteHTTP, instancer.RouteTCP:
		case instancer.RoutePort:
			check(!published[r.Port], "port", "%d has two routes of type port", r.Port)
			published[r.Port] = true
		case instancer.RouteCustom:
			check(r.EntryPoint != "", "entrypoint", "a route of type custom names its Traefik entry point")
		default:
			check(false, "type", `%q must be "http", "tcp", "port" or "custom"`, r.Type)
		}
		check(r.Type == "tcp" || !r.Passthrough, "passthrough", "is for routes of type tcp")
		check(r.Type == "custom" || r.EntryPoint == "", "entrypoint", "is for routes of type custom")
		check(r.Type == "custom" || !r.TLS, "tls", "is for routes of type custom; those of type tcp always have it")
	}
}

// limits are what the whole instance may use: what the file says, at most what the settings allow.
func (d *definition) limits(file string, defaults Defaults, problems *Problems) instancer.Limits {
	l := defaults.Limits
	if d.Limits.Memory != "" {
		bytes, err := units.RAMInBytes(d.Limits.Memory)
		if err != nil || bytes < 16<<20 {
			problems.add(file, 0, "limits.memory", "%q must be a size like \"256m\", at least 16m", d.Limits.Memory)
		}
		l.MemoryBytes = min(bytes, l.MemoryBytes)
	}
	if d.Limits.CPUs < 0 {
		problems.add(file, 0, "limits.cpus", "%g must be more than 0", d.Limits.CPUs)
	} else if d.Limits.CPUs > 0 {
		l.NanoCPUs = min(int64(d.Limits.CPUs*1e9), l.NanoCPUs)
	}
	if d.Limits.Pids < 0 {
		problems.add(file, 0, "limits.pids", "%d must be more than 0", d.Limits.Pids)
	} else if d.Limits.Pids > 0 {
		l.Pids = min(d.Limits.Pids, l.Pids)
	}
	return l
}
