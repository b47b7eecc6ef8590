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

// Load reads one folder. What was taken otherwise than it is written is in the challenge's Notes. The error is Problems,
// with refusals and notes together.
func Load(ctx context.Context, dir string, defaults Defaults) (*instancer.Challenge, error) {
	ch, problems := load(ctx, dir, defaults)
	if problems.refused() {
		return nil, problems
	}
	for _, p := range problems {
		ch.Notes = append(ch.Notes, instancer.Note{File: p.File, Line: p.Line, Key: p.Key, Text: p.Text})
	}
	return ch, nil
}

func load(ctx context.Context, dir string, defaults Defaults) (_ *instancer.Challenge, problems Problems) {
	folder := filepath.Base(dir)
	tomlFile := folder + "/" + definitionFile
	text, err := readLimited(filepath.Join(dir, definitionFile), maxFile)
	if err != nil {
		problems.add(tomlFile, 1, "", "cannot be read: %s", strings.TrimPrefix(err.Error(), "open "+dir+"/"))
		return nil, problems
	}
	d, at, problems := readDefinition(tomlFile, string(text), folder, defaults)
	defer func() { problems.locate(tomlFile, at) }()
	limits := d.limits(tomlFile, defaults, &problems)
	name := findCompose(dir, d.Compose, &problems)
	if name == "" {
		return nil, problems
	}
	composeFile := folder + "/" + name
	project, read := readCompose(ctx, dir, name, composeFile, variables(d, defaults), &problems)
	defer func() { problems.locate(composeFile, read.at) }()
	if !read.broken {
		defer func() { problems = problems.withoutEchoes(read.first) }() // what is found after it may follow from what was refused
	}
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
	}
	for n, r := range d.Routes {
		if _, there := project.Services[r.Service]; !there && r.Service != "" && !read.at.has("services."+r.Service) {
			problems.add(tomlFile, 0, route(n, "service"), "%q is not a service of %s, which has %s", r.Service, name,
				strings.Join(slices.Sorted(maps.Keys(project.Services)), ", "))
		}
		ch.Routes = append(ch.Routes, instancer.Route{
			Name: r.Name, Service: r.Service, Port: r.Port, Type: instancer.RouteType(r.Type), Passthrough: r.Passthrough,
			EntryPoint: r.EntryPoint, TLS: r.TLS, Connection: r.Connection,
		})
	}
	c := &converter{dir: dir, file: composeFile, problems: &problems, project: project, at: read.at, most: limits}
	for _, name := range slices.Sorted(maps.Keys(project.DisabledServices)) {
		c.note(name, "profiles", "%s is left out: it has a profile, and an instance runs what has none", name)
	}
	c.names(project)
	for _, service := range ordered(project.Services) {
		ch.Services = append(ch.Services, c.service(service, &d, revision))
	}
	ch.Volumes = slices.Sorted(maps.Keys(project.Volumes))
	if n := len(ch.Volumes); n > maxVolumes {
		problems.add(composeFile, 0, "volumes", "there are %d with those that have no name; there may be %d", n, maxVolumes)
	}
	if n := len(ch.Services); n == 0 || n > maxServices {
		problems.add(composeFile, 0, "services", "there are %d; a challenge has 1 to %d", n, maxServices)
	}
	c.networks(ch, project)
	share(ch.Services, limits)
	if !problems.refused() {
		findFlag(ctx, &d, ch, tomlFile, composeFile, defaults, &problems)
	}
	return ch, problems
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
