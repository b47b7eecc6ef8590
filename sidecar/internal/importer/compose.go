package importer

import (
	"cmp"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
)

var serviceForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]{0,40}[a-z0-9])?$`)

// ofCompose is what a compose file's service says of where it is reached.
func (p *plan) ofCompose(s types.ServiceConfig) *service {
	out := &service{name: s.Name, image: s.Image, closed: s.NetworkMode == "none"}
	for _, port := range s.Ports {
		switch port.Protocol {
		case "udp":
			out.datagrams = append(out.datagrams, int(port.Target))
		case "", "tcp":
			o := offer{port: int(port.Target), by: "ports"}
			if port.AppProtocol == "http" {
				o.protocol = "http"
			}
			out.ports = append(out.ports, o)
		}
	}
	for _, text := range s.Expose {
		from, protocol, _ := strings.Cut(text, "/")
		from, _, _ = strings.Cut(from, "-")
		if n := portOf(from); n > 0 && protocol != "udp" {
			out.expose = append(out.expose, offer{port: n, by: "expose"})
		}
	}
	for _, v := range s.Volumes {
		if v.Type == types.VolumeTypeBind {
			out.binds = append(out.binds, v.Source)
		}
	}
	out.command = strings.Join(append(append([]string{}, s.Entrypoint...), s.Command...), " ")
	if s.Build == nil {
		out.bases = []string{s.Image}
		return out
	}
	text := []byte(s.Build.DockerfileInline)
	out.recipe.file = p.compose
	if len(text) == 0 {
		path := challenge.DockerfileOf(s.Build.Context, s.Build.Dockerfile)
		if p.inside(path) {
			text, _ = read(path, maxRead) // the loader says what is wrong with it
		}
		out.recipe.file = relative(p.folder, path)
	}
	if p.inside(s.Build.Context) {
		out.context = s.Build.Context
	}
	file := out.recipe.file
	out.recipe = readDockerfile(string(text))
	out.recipe.file, out.bases = file, out.recipe.bases
	return out
}

// inside says whether a path is really in the tree that is imported.
func (p *plan) inside(path string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	in, err := filepath.Rel(p.root.path, real)
	return err == nil && filepath.IsLocal(in)
}

// composeText is a compose file of services that are built, or have an image.
func composeText(p *plan, services []*service) string {
	type build struct {
		Context    string `yaml:"context"`
		Dockerfile string `yaml:"dockerfile,omitempty"`
	}
	type entry struct {
		Image       string            `yaml:"image,omitempty"`
		Build       *build            `yaml:"build,omitempty"`
		Environment map[string]string `yaml:"environment,omitempty"`
	}
	literal := func(text string) string { return strings.ReplaceAll(text, "$", "$$") }
	all := map[string]entry{}
	for n, s := range services {
		e := entry{Image: literal(s.image)}
		if s.image == "" {
			e.Build = &build{Context: literal(dotted(relative(p.folder, s.context)))}
			if name, err := filepath.Rel(s.context, filepath.Join(p.folder.path, s.recipe.file)); err == nil &&
				name != "Dockerfile" {
				e.Build.Dockerfile = literal(name)
			}
		}
		if n < len(p.meta.containers) {
			e.Environment = map[string]string{}
			for name, value := range p.meta.containers[n].environment {
				e.Environment[name] = literal(value)
			}
		}
		all[s.name] = e
	}
	from := p.services[0].recipe.file
	text, err := yaml.Marshal(map[string]any{"services": all})
	if err != nil {
		return ""
	}
	return "# Written by whaley import from " + plainText(cmp.Or(from, p.meta.file)) + ".\n" + string(text)
}

// dotted is a relative path as Compose knows it for one.
func dotted(path string) string {
	if path == "." {
		return path
	}
	return "./" + path
}
