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

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Defaults are what the settings say where a challenge says nothing, and the most that it may have.
type Defaults struct {
	Timeout time.Duration
	Idle    time.Duration // without traffic, until an instance falls asleep; 0: never
	// StopOnSolve is how long an instance runs once its owner's solve is seen; 0: until its time is up.
	StopOnSolve time.Duration
	Access      whaley.Access
	Limits      whaley.Limits // of a whole instance
	Runtime     string        // of containers; empty: the engine's default
	// FlagPrefix is what placeholders of flags begin with. Empty: no owner gets a flag of their own.
	FlagPrefix string
	// FlagFormat is how flags look, with … for their text. Empty: FlagPrefix{…}.
	FlagFormat string
	// Variables are the names of what organisers set, "NAME" for all challenges or "challenge/NAME", with a space after
	// each. Their values are put in when an instance starts.
	Variables string
	Platform  Platform // nil: it does all that files may say
}

// Platform is what instances run on, where that cannot do all that files may say. It has to be comparable.
type Platform interface {
	// Differs is what is otherwise there than a challenge's files say, and why it cannot run there; nil: it can.
	Differs(ch *whaley.Challenge) ([]whaley.Note, error)
}

// Load reads one folder. What was taken otherwise than it is written is in the challenge's Notes. The error is
// Problems, with refusals and notes together.
func Load(ctx context.Context, dir string, defaults Defaults) (*whaley.Challenge, error) {
	ch, problems := load(ctx, dir, defaults)
	if problems.refused() {
		return nil, problems
	}
	for _, p := range problems {
		ch.Notes = append(ch.Notes, whaley.Note{File: p.File, Line: p.Line, Key: p.Key, Text: p.Text})
	}
	return ch, nil
}

func load(ctx context.Context, dir string, defaults Defaults) (_ *whaley.Challenge, problems Problems) {
	folder := filepath.Base(dir)
	tomlFile := folder + "/" + definitionFile
	text, err := readText(filepath.Join(dir, definitionFile), maxFile)
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
	defer func() { problems.locate(composeFile, read.main.at) }()
	if !read.broken() {
		defer func() {
			read.trace(composeFile)
			problems = problems.withoutEchoes(read.first) // what is found after it may follow from what was refused
		}()
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
		revision = withShape(revision, defaults)
	}
	ch := &whaley.Challenge{
		ID: d.ID, Name: d.Name, Category: d.Category, Description: d.Description, Revision: revision, Dir: dir,
		Timeout: time.Duration(d.Timeout) * time.Second, ExtendTime: time.Duration(d.ExtendTime) * time.Second,
		Idle: lasting(d.Idle, defaults.Idle), StopOnSolve: lasting(d.StopOnSolve, defaults.StopOnSolve), Access: whaley.Access(d.Access), Wake: d.Wake, AnyTime: d.AnyTime, OpensAt: d.opensAt(tomlFile, &problems), Egress: d.Egress,
		StaticFlags: d.DisableDynamicFlags,
	}
	for n, r := range d.Routes {
		if _, there := project.Services[r.Service]; !there && r.Service != "" && !read.main.at.has("services."+r.Service) {
			problems.add(tomlFile, 0, route(n, "service"), "%q is not a service of %s, which has %s", r.Service, name,
				strings.Join(slices.Sorted(maps.Keys(project.Services)), ", "))
		}
		ch.Routes = append(ch.Routes, whaley.Route{
			Name: r.Name, Service: r.Service, Port: r.Port, Type: whaley.RouteType(r.Type), Passthrough: r.Passthrough,
			EntryPoint: r.EntryPoint, TLS: r.TLS, Connection: r.Connection,
			UDP: r.Protocol == "udp", Scheme: whaley.Scheme(r.Scheme), Forwarded: r.Forwarded, Ready: whaley.Readiness(r.Ready),
		})
	}
	c := &converter{dir: dir, file: composeFile, problems: &problems, project: project, at: read.main.at, most: limits}
	for _, name := range slices.Sorted(maps.Keys(project.DisabledServices)) {
		c.note(name, "profiles", "%s is left out: it has a profile, and an instance runs what has none", name)
	}
	c.names(project)
	c.volumesFrom()
	for _, service := range ordered(project.Services) {
		ch.Services = append(ch.Services, c.service(service, &d, revision))
	}
	c.share(ch.Services)
	ch.Volumes = slices.Sorted(maps.Keys(project.Volumes))
	if n := len(ch.Volumes); n > maxVolumes {
		problems.add(composeFile, 0, "volumes", "there are %d with those that have no name; there may be %d", n, maxVolumes)
	}
	if n := len(ch.Services); n == 0 || n > maxServices {
		problems.add(composeFile, 0, "services", "there are %d; a challenge has 1 to %d", n, maxServices)
	}
	c.networks(ch, project)
	ch.Warm = d.warm()
	for n, r := range ch.Routes {
		if slices.ContainsFunc(ch.Services, func(s whaley.Service) bool { return s.Name == r.Service && s.Offline }) {
			problems.add(
				tomlFile, 0, route(n, "service"), "%s is on no network (network_mode: none), so no route can lead to it", r.Service,
			)
		}
	}
	for _, name := range defaults.variables(d.ID) {
		if slices.ContainsFunc(ch.Services, func(s whaley.Service) bool { return s.Uses(name) }) {
			ch.Variables = append(ch.Variables, name)
		}
	}
	ch.Solver = findSolver(&d, ch, dir, revision, tomlFile, &problems)
	share(ch.Services, limits)
	addRelay(&d, ch, tomlFile, composeFile, &problems)
	if why := ch.OwnersOnly(); why != "" && ch.Warm != 0 {
		problems.note(tomlFile, 0, "warm", "no instance runs ahead of its owner: %s", why)
		ch.Warm = 0
	}
	hints(ctx, &d, ch, composeFile, read.main.at, limits.MemoryBytes, &problems)
	if !problems.refused() {
		findFlag(ctx, &d, ch, tomlFile, composeFile, defaults, &problems)
	}
	if !problems.refused() && defaults.Platform != nil {
		notes, err := defaults.Platform.Differs(ch)
		for _, n := range notes {
			problems.note(composeFile, 0, n.Key, "%s", n.Text)
		}
		if err != nil {
			problems.add(composeFile, 0, "", "%s", whaley.ReasonOf(err))
		}
	}
	return ch, problems
}

// variables are what a compose file may interpolate.
func variables(d definition, defaults Defaults) []string {
	names := []string{"INSTANCE_ID", whaley.AuthorityVariable}
	if d.dynamic(defaults) {
		names = append(names, d.flagVariables()...)
	}
	var routes []whaley.Route
	for _, r := range d.Routes {
		routes = append(routes, whaley.Route{Name: r.Name, Service: r.Service})
	}
	for n, r := range d.Routes {
		names = append(names, whaley.HostVariables(routes, n)...)
		if r.Type == string(whaley.RouteHTTP) {
			names = append(names, whaley.URLVariables(routes, n)...)
		}
		if r.Type == string(whaley.RoutePort) {
			names = append(names, "PORT_"+strconv.Itoa(r.Port))
		}
	}
	for _, name := range defaults.variables(d.ID) {
		if !slices.Contains(names, name) { // Whaley's own go first
			names = append(names, name)
		}
	}
	return names
}

// variables are the names of what organisers set for a challenge.
func (d Defaults) variables(challenge string) (names []string) {
	for _, name := range strings.Fields(d.Variables) {
		of, own, scoped := strings.Cut(name, "/")
		switch {
		case !scoped:
			names = append(names, name)
		case of == challenge:
			names = append(names, own)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// addRelay adds the service that makes a challenge's own addresses work inside its instances, if it wants that.
func addRelay(d *definition, ch *whaley.Challenge, tomlFile, composeFile string, problems *Problems) {
	variables := []string{whaley.AuthorityVariable}
	for n, r := range ch.Routes {
		if r.Inside() {
			variables = append(
				variables, slices.Concat(whaley.HostVariables(ch.Routes, n), whaley.URLVariables(ch.Routes, n))...,
			)
		}
	}
	asked := d.Inside != nil && *d.Inside
	uses := func(s whaley.Service) bool { return s.Uses(variables...) }
	if !asked && (d.Inside != nil || !slices.ContainsFunc(ch.Services, uses)) {
		return
	}
	relay, can := ch.Relay()
	switch {
	case !can && asked:
		problems.add(
			tomlFile, 0, "inside",
			"no route has an address that could work inside: only those of type http and tcp have a name of their own",
		)
	case !can:
	case slices.ContainsFunc(ch.Services, func(s whaley.Service) bool { return s.Name == relay.Name }):
		problems.add(
			composeFile, 0, "services."+relay.Name,
			"is the name of what makes the challenge's own addresses work inside it; take another one, or set inside = false in %s",
			definitionFile,
		)
	case len(ch.Services) >= maxServices:
		problems.add(
			composeFile, 0, "services",
			"there are %d, and one of Whaley's own makes the challenge's addresses work inside it; a challenge has at most %d. Set inside = false in %s to do without it",
			len(ch.Services), maxServices, definitionFile,
		)
	default:
		ch.Services = append(ch.Services, relay)
	}
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
			if _, there := services[on]; there { // one that need not be there may not be
				place(on)
			}
		}
		all = append(all, s)
	}
	for _, name := range slices.Sorted(maps.Keys(services)) {
		place(name)
	}
	return all
}
