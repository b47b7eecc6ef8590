package importer

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
)

// plan is what import makes of a challenge.
type plan struct {
	root, folder *folder // the tree that it is in, and where instance.toml goes
	found        *found
	meta         metadata
	own          bool // instance.toml is there
	label        string
	category     string
	id           string

	flag     string             // as metadata say it and files hold it; empty: not known
	compose  string             // path of the compose file in the folder
	written  string             // text of the one to be written; empty: there is one
	unread   challenge.Problems // why the compose file could not be read
	services []*service
	routes   []route
	lower    *folder // the folder before it was chosen higher, or nil
	notes    []string
	partOf   bool // it is a part of another challenge
	around   bool // it lies around several challenges and has nothing of its own but a Dockerfile
}

// service is one that may be reached.
type service struct {
	name, image, context string
	recipe               recipe
	ports, expose        []offer
	datagrams            []int // its ports of UDP
	closed               bool  // it is on no network
	command              string
	bases                []string
	binds                []string // what it mounts of the challenge
}

func (p *plan) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// planned makes a plan of a found folder, except for its id.
func planned(ctx context.Context, root *folder, f *found) *plan {
	p := &plan{root: root, found: f, folder: f.folder, meta: f.meta, own: f.own}
	p.notes = append(p.notes, f.meta.notes...)
	if p.own {
		return p
	}
	deployed := slices.DeleteFunc(
		slices.Clone(f.composes), func(c file) bool { return count(c.in.below(f.folder), solving) > 0 || c.empty() },
	)
	switch {
	case len(deployed) == 0 && len(f.dockerfiles) > 0:
		p.without(f)
	case !p.takeCompose(ctx, f):
		*p = plan{root: root, found: f, folder: f.folder, meta: f.meta}
		p.notes = append(p.notes, f.meta.notes...)
		p.without(f)
	}
	p.category = categoryOf(f.folder, f.meta)
	p.label = labelOf(f.folder, f.meta)
	return p
}

// without makes a compose file although there are some, which are no part of what is deployed.
func (p *plan) without(f *found) {
	for _, c := range f.composes {
		p.note("%s is left out: it is no part of what is deployed, or lacks what it builds", relative(f.folder, c.path()))
	}
	p.makeCompose(f)
}

// empty says whether a file has nothing but comments.
func (f file) empty() bool {
	text, err := read(f.path(), 4096)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return false
		}
	}
	return err == nil
}

// takeCompose chooses among the compose files: the best ranked that can be read, has services and lacks nothing that
// these are built from, or else the best ranked that can be read. It is false if that is
// one for players which lacks what it builds, while there is a Dockerfile of what is deployed.
func (p *plan) takeCompose(ctx context.Context, f *found) bool {
	sorted := ranked(f.composes, f.folder, composeRank)
	var chosen *file
	var outline challenge.Outline
	deployable := slices.ContainsFunc(f.dockerfiles, func(d file) bool { return count(d.in.below(f.folder), worse) == 0 })
	for n := range sorted[:min(len(sorted), 10)] {
		o, problems := challenge.Read(ctx, p.root.path, relative(p.root, sorted[n].path()))
		if len(o.Services) > 0 {
			complete := !lacking(o)
			if chosen == nil || complete && (!deployable || count(sorted[n].in.below(f.folder), worse) == 0) {
				chosen, outline = &sorted[n], o
			}
			if complete {
				break
			}
			continue
		}
		if n == 0 {
			p.unread = problems
		} else {
			p.note("%s cannot be read either", relative(f.folder, sorted[n].path()))
		}
	}
	if chosen == nil {
		p.compose = relative(p.folder, sorted[0].path())
		return true
	}
	if count(chosen.in.below(f.folder), worse) > 0 && lacking(outline) && deployable {
		return false
	}
	if p.unread != nil {
		p.note("%s cannot be read, and %s was taken", relative(f.folder, sorted[0].path()), relative(f.folder, chosen.path()))
		p.unread = nil
	}
	p.raise(outline.Files)
	p.compose = relative(p.folder, chosen.path())
	for _, other := range sorted {
		if other != *chosen {
			p.note("%s is left out: %s was taken", relative(p.folder, other.path()), p.compose)
		}
	}
	names := make([]string, 0, len(outline.Services))
	for name := range outline.Services {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		p.services = append(p.services, p.ofCompose(outline.Services[name]))
	}
	return true
}

// lacking says whether a compose file builds from a folder or Dockerfile that is not there.
func lacking(o challenge.Outline) bool {
	for _, s := range o.Services {
		if s.Build == nil {
			continue
		}
		info, err := os.Stat(s.Build.Context)
		if err == nil && s.Build.DockerfileInline == "" {
			_, err = os.Stat(challenge.DockerfileOf(s.Build.Context, s.Build.Dockerfile))
		}
		if err != nil || !info.IsDir() {
			return true
		}
	}
	return false
}

// raise takes a folder around the challenge's if the compose file names what is only there.
func (p *plan) raise(files []string) {
	for _, path := range files {
		if inRoot, err := filepath.Rel(p.root.path, path); err != nil || !filepath.IsLocal(inRoot) {
			continue // the loader refuses it
		}
		at := p.folder
		for at.parent != nil {
			if in, err := filepath.Rel(at.path, path); err == nil && filepath.IsLocal(in) {
				break
			}
			at = at.parent
		}
		if at != p.folder {
			p.lower, p.folder = cmp.Or(p.lower, p.folder), at
		}
	}
}

// makeCompose writes a compose file for what has only Dockerfiles.
func (p *plan) makeCompose(f *found) {
	p.compose = composeName
	sorted := ranked(f.dockerfiles, f.folder, dockerfileRank)
	if boxes := p.boxes(f, sorted); len(boxes) > 0 {
		p.services = boxes
		p.written = composeText(p, boxes)
		return
	}
	best := sorted[0]
	if image := p.meta.image; filepath.IsLocal(image) { // the folder, or the Dockerfile, that metadata say
		dir := filepath.Join(f.folder.path, filepath.Dir(p.meta.file), image)
		if at := slices.IndexFunc(sorted, func(d file) bool { return d.in.path == dir || d.path() == dir }); at >= 0 {
			best = sorted[at]
		}
	}
	for _, other := range sorted {
		if other != best && !p.checks(other) {
			p.note("%s is left out: %s was taken", relative(p.folder, other.path()), relative(p.folder, best.path()))
		}
	}
	s := &service{name: "challenge"}
	p.build(s, best, "")
	p.services = []*service{s}
	p.written = composeText(p, p.services)
}

// boxes are the containers that metadata describe, if each can be made.
func (p *plan) boxes(f *found, dockerfiles []file) []*service {
	var all []*service
	for _, c := range p.meta.containers {
		s := &service{name: c.name, image: c.image}
		if c.context != "" || c.image == "" {
			context := filepath.Join(f.folder.path, cmp.Or(c.context, "."))
			name := cmp.Or(c.dockerfile, "Dockerfile")
			at := slices.IndexFunc(dockerfiles, func(d file) bool { return d.path() == filepath.Join(context, name) })
			if at < 0 || !filepath.IsLocal(cmp.Or(c.context, ".")) {
				return nil
			}
			s.image = ""
			p.build(s, dockerfiles[at], context)
		}
		if !serviceForm.MatchString(s.name) {
			return nil
		}
		if s.image != "" {
			s.bases = []string{s.image}
		}
		all = append(all, s)
	}
	return all
}

// build makes a service of a Dockerfile. Its context is the folder closest to it that has what it copies.
func (p *plan) build(s *service, dockerfile file, context string) {
	text, err := read(dockerfile.path(), maxRead)
	if err != nil {
		p.note("%s cannot be looked at: %s", relative(p.folder, dockerfile.path()), err)
	}
	s.recipe = readDockerfile(string(text))
	s.bases = s.recipe.bases
	s.context = context
	most := -1
	for at := dockerfile.in; context == "" && at != nil; at = at.parent {
		there := 0
		for _, source := range s.recipe.sources {
			if matches, err := filepath.Glob(filepath.Join(escaped(at.path), source)); err == nil && len(matches) > 0 {
				there++
			}
		}
		if there > most {
			s.context, most = at.path, there
		}
		if at == p.folder {
			break
		}
	}
	if missing := len(s.recipe.sources) - most; context == "" && missing > 0 {
		p.note(
			"%s copies %d things that are nowhere in the folder; until they are, it does not build",
			relative(p.folder, dockerfile.path()), missing,
		)
	}
	s.recipe.file = relative(p.folder, dockerfile.path())
}

// escaped is a path as a pattern that matches just it.
func escaped(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
