package challenge

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// Defaults are what the settings say where a challenge says nothing, and the most that it may have.
type Defaults struct {
	Timeout time.Duration
	Access  instancer.Access
	Limits  instancer.Limits // of a whole instance
	Runtime string           // of containers; empty: the engine's default
	// FlagPrefix is what placeholders of flags begin with. Empty: nobody gets a flag of their own.
	FlagPrefix string
}

// Load reads one folder. The error is Problems.
func Load(ctx context.Context, dir string, defaults Defaults) (*instancer.Challenge, error) {
	folder := filepath.Base(dir)
	var problems Problems
	tomlFile := folder + "/" + definitionFile
	text, err := readLimited(filepath.Join(dir, definitionFile), maxFile)
	if err != nil {
		problems.add(tomlFile, 1, "", "cannot be read: %s", strings.TrimPrefix(err.Error(), "open "+dir+"/"))
		return nil, problems
	}
	d, at, problems := readDefinition(tomlFile, string(text), folder, defaults)
	defer func() { problems.locate(tomlFile, at) }()
	limits := d.limits(tomlFile, defaults, &problems)
	name := findCompose(dir, folder, &problems)
	if name == "" {
		return nil, problems
	}
	composeFile := folder + "/" + name
	project, read := readCompose(ctx, dir, name, composeFile, variables(d, defaults), &problems)
	defer func() { problems.locate(composeFile, read.at) }()
	checkPorts(composeFile, read.ports, &d, &problems)
	if project == nil {
		return nil, problems
	}
	revision, err := revisionOf(ctx, dir)
	if err != nil {
		problems.add(folder, 0, "", "cannot be read: %s", err)
		return nil, problems
	}
	if d.dynamic(defaults) {
		revision = withPrefix(revision, defaults.FlagPrefix)
	}
	ch := &instancer.Challenge{
		ID: d.ID, Name: d.Name, Category: d.Category, Description: d.Description, Revision: revision, Dir: dir,
		Timeout: time.Duration(d.Timeout) * time.Second, ExtendTime: time.Duration(d.ExtendTime) * time.Second,
		Access: instancer.Access(d.Access), Wake: d.Wake, Egress: d.Egress, StaticFlags: d.DisableDynamicFlags,
		Volumes: slices.Sorted(maps.Keys(project.Volumes)),
	}
	for n, r := range d.Routes {
		if _, there := project.Services[r.Service]; !there && r.Service != "" {
			problems.add(tomlFile, 0, route(n, "service"), "%q is not a service of %s, which has %s", r.Service, name,
				strings.Join(slices.Sorted(maps.Keys(project.Services)), ", "))
		}
		ch.Routes = append(ch.Routes, instancer.Route{
			Name: r.Name, Service: r.Service, Port: r.Port, Type: instancer.RouteType(r.Type), Passthrough: r.Passthrough,
			EntryPoint: r.EntryPoint, TLS: r.TLS, Connection: r.Connection,
		})
	}
	c := &converter{dir: dir, file: composeFile, problems: &problems, project: project, at: read.at}
	for _, service := range ordered(project.Services) {
		ch.Services = append(ch.Services, c.service(service, &d, revision))
	}
	if n := len(ch.Services); n == 0 || n > maxServices {
		problems.add(composeFile, 0, "services", "there are %d; a challenge has 1 to %d", n, maxServices)
	}
	c.networks(ch, project)
	share(ch.Services, limits)
	if len(problems) == 0 {
		findFlag(ctx, &d, ch, tomlFile, composeFile, defaults, &problems)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return ch, nil
}

// variables are what a compose file may interpolate.
func variables(d definition, defaults Defaults) []string {
	names := []string{"INSTANCE_ID"}
	if d.dynamic(defaults) {
		names = append(names, "FLAG", "DYNAMIC_FLAG")
	}
	for _, r := range d.Routes {
		names = append(names, instancer.HostVariable(r.Name))
		if r.Type == string(instancer.RoutePort) {
			names = append(names, "PORT_"+strconv.Itoa(r.Port))
		}
	}
	return names
}

// ordered puts each service after all that it depends on; compose-go has refused circles.
func ordered(services types.Services) []types.ServiceConfig {
	var all []types.ServiceConfig
	placed := map[string]bool{}
	var place func(name string)
	place = func(name string) {
		if placed[name] {
			return
		}
		placed[name] = true
		s := services[name]
		for _, on := range slices.Sorted(maps.Keys(s.DependsOn)) {
			place(on)
		}
		all = append(all, s)
	}
	for _, name := range slices.Sorted(maps.Keys(services)) {
		place(name)
	}
	return all
}
