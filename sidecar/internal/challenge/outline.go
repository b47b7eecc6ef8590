package challenge

import (
	"context"
	"maps"
	"path/filepath"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
)

// Outline is a compose file as it is read before anything is known of its routes.
type Outline struct {
	// Services are those that run, by name; what has a profile is not among them. Paths in it are absolute.
	Services types.Services
	// Files are the paths of what it names: folders and Dockerfiles of builds, binds, configs, secrets, environment files.
	Files []string
}

// Read reads a compose file, within the same bounds and with the same allow-list as Load. name is its path in dir, out
// of which nothing that it names may lead. Without services it could not be read; the problems say why, and what of it
// Load will refuse or leave out.
func Read(ctx context.Context, dir, name string) (Outline, Problems) {
	var problems Problems
	project, read := readCompose(ctx, dir, name, name, nil, &problems)
	read.trace(name)
	problems.locate(name, read.main.at)
	o := Outline{Files: read.named}
	if project == nil || read.unread {
		return o, problems
	}
	o.Services = project.Services
	for _, name := range slices.Sorted(maps.Keys(project.Services)) {
		s := project.Services[name]
		if s.Build != nil {
			o.Files = append(o.Files, s.Build.Context)
			if s.Build.Dockerfile != "" {
				o.Files = append(o.Files, absolute(s.Build.Context, s.Build.Dockerfile))
			}
			for _, c := range s.Build.Secrets {
				o.Files = append(o.Files, project.Secrets[c.Source].File)
			}
		}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind {
				o.Files = append(o.Files, v.Source)
			}
		}
		for _, c := range s.Configs {
			o.Files = append(o.Files, project.Configs[c.Source].File)
		}
		for _, c := range s.Secrets {
			o.Files = append(o.Files, project.Secrets[c.Source].File)
		}
	}
	o.Files = slices.DeleteFunc(o.Files, func(path string) bool { return !filepath.IsAbs(path) })
	return o, problems
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}
