package challenge

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// nearest corrects names that only a file system of Windows or macOS finds: with another case, or with backslashes.
func (s *sources) nearest(project *types.Project) {
	for name, service := range project.Services {
		key := "services." + name + "."
		if b := service.Build; b != nil {
			context := s.near(key+"build.context", project.WorkingDir, b.Context)
			if b.DockerfileInline == "" && !filepath.IsAbs(b.Dockerfile) {
				path := filepath.Join(context, cmp.Or(b.Dockerfile, "Dockerfile"))
				if DockerfileOf(context, b.Dockerfile) == path {
					if found := s.nearDockerfile(key+"build.dockerfile", context, path); found != path {
						b.Dockerfile, _ = filepath.Rel(context, found)
					}
				}
			}
			b.Context = context
		}
		for n, v := range service.Volumes {
			if v.Type == types.VolumeTypeBind {
				service.Volumes[n].Source = s.near(item(key+"volumes", n), project.WorkingDir, v.Source)
			}
		}
	}
	for name, c := range project.Configs {
		c.File = s.near("configs."+name+".file", project.WorkingDir, c.File)
		project.Configs[name] = c
	}
	for name, c := range project.Secrets {
		c.File = s.near("secrets."+name+".file", project.WorkingDir, c.File)
		project.Secrets[name] = c
	}
}

// near is a path of the folder, or the one that was meant, which a note tells of.
func (s *sources) near(key, beside, path string) string {
	relative, err := filepath.Rel(s.dir, path)
	if _, there := os.Lstat(path); err != nil || !filepath.IsLocal(relative) || !os.IsNotExist(there) {
		return path
	}
	names := filepath.Clean(strings.ReplaceAll(relative, `\`, "/"))
	if !filepath.IsLocal(names) {
		return path
	}
	if above := s.above(beside, path); above != "" {
		found, _ := filepath.Rel(s.dir, above)
		s.problems.note(s.main.file, 0, key, "there is no %q in the challenge's folder: %q is taken, by the folder above", relative, found)
		return above
	}
	at := s.dir
	for name := range strings.SplitSeq(names, "/") {
		if _, err := os.Lstat(filepath.Join(at, name)); err != nil {
			if name = alike(at, name); name == "" {
				return path
			}
		}
		at = filepath.Join(at, name)
	}
	found, _ := filepath.Rel(s.dir, at)
	s.problems.note(s.main.file, 0, key, "there is no %q in the challenge's folder: %q is taken", relative, found)
	return at
}

// above is the folder that a path leads to from a folder above the compose file, whose author keeps it in one of its own;
// nothing if there is none.
func (s *sources) above(beside, path string) string {
	relative, err := filepath.Rel(beside, path)
	if err != nil || !filepath.IsLocal(relative) || relative == "." {
		return ""
	}
	for beside != s.dir && strings.HasPrefix(beside, s.dir) {
		beside = filepath.Dir(beside)
		real, err := inside(s.dir, filepath.Join(beside, relative))
		if err == nil && isFolder(real) {
			return filepath.Join(beside, relative)
		}
	}
	return ""
}

// nearDockerfile is the same of a Dockerfile, to which editors of Windows give an ending that they do not show.
func (s *sources) nearDockerfile(key, context, path string) string {
	if _, err := os.Lstat(path); os.IsNotExist(err) && isRegular(path+".txt") {
		if relative, err := filepath.Rel(s.dir, path); err == nil && filepath.IsLocal(relative) {
			s.problems.note(
				s.main.file, 0, key, "there is no %q in the challenge's folder: %q is taken", relative, relative+".txt",
			)
			return path + ".txt"
		}
	}
	return s.near(key, context, path)
}

// alike is the one name in a folder that is another but for its case, or nothing.
func alike(folder, name string) string {
	real, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return ""
	}
	entries, err := os.ReadDir(real)
	if err != nil || len(entries) > maxItems {
		return ""
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !strings.EqualFold(e.Name(), name) })
	if len(entries) != 1 {
		return ""
	}
	return entries[0].Name()
}

// madeBeside builds an image that a file only names where its Dockerfile lies beside, as its author does by hand: it is
// called as the service or the folder, no registry is named, and no other service is built.
func (s *sources) madeBeside(project *types.Project, beside string) {
	if !isRegular(DockerfileOf(beside, "")) {
		return
	}
	var one string
	for name, service := range project.Services {
		if service.Build != nil {
			return
		}
		image, _, _ := strings.Cut(service.Image, ":")
		if calledAs(image, name) || s.calledAsFolder(image, beside) {
			if one != "" {
				return
			}
			one = name
		}
	}
	service, found := project.Services[one]
	if !found || strings.ContainsAny(service.Image, "/@") {
		return
	}
	s.problems.note(
		s.main.file, 0, "services."+one+".image", "is built of the Dockerfile beside the file: %q names no registry. If it is to be "+
			"pulled, write docker.io/library/%s", service.Image, service.Image,
	)
	service.Build = &types.BuildConfig{Context: beside, Dockerfile: filepath.Base(DockerfileOf(beside, ""))}
	service.Image = ""
	project.Services[one] = service
}

// calledAsFolder says whether an image is called as the folder of the compose file, or one above it in the challenge.
func (s *sources) calledAsFolder(image, folder string) bool {
	for {
		if calledAs(image, filepath.Base(folder)) {
			return true
		}
		if folder == s.dir || !strings.HasPrefix(folder, s.dir) {
			return false
		}
		folder = filepath.Dir(folder)
	}
}

// calledAs says whether an image has a name, or has it after its category: pwn_name.
func calledAs(image, name string) bool {
	if plainName(image) == plainName(name) {
		return true
	}
	at := strings.IndexAny(image, "_-")
	return at > 0 && len(image)-at > 3 && plainName(image[at:]) == plainName(name)
}

// plainName is a name without what differs between an image's and a folder's.
func plainName(name string) string {
	return strings.NewReplacer("-", "", "_", "", ".", "", " ", "").Replace(strings.ToLower(name))
}
