package challenge

import (
	"os"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// published leaves builds out of which the folder holds nothing, where the service names an image of a registry too:
// its author has built that elsewhere, and gives away the image only. An image without a registry's name could be
// anybody's of the same name.
func (s *sources) published(project *types.Project) {
	for name, service := range project.Services {
		image := s.main.images["services."+name]
		if service.Build == nil || !namesRegistry(image) || !s.holdsNothingOf(service.Build) {
			continue
		}
		s.problems.note(
			s.main.file, 0, "services."+name+".build", "is left out: the challenge's folder does not have what it builds, and %q "+
				"is in a registry", image,
		)
		service.Build, service.Image = nil, image
		project.Services[name] = service
	}
}

// holdsNothingOf says whether a build's folder, or its Dockerfile, is not in the challenge's folder. What leads out of
// it is not looked for.
func (s *sources) holdsNothingOf(b *types.BuildConfig) bool {
	context, err := inside(s.dir, b.Context)
	if err != nil {
		return true
	}
	if b.DockerfileInline != "" || !isFolder(context) {
		return false
	}
	_, err = inside(s.dir, DockerfileOf(context, b.Dockerfile))
	return os.IsNotExist(err)
}

// namesRegistry says whether an image's name begins with the host of a registry.
func namesRegistry(image string) bool {
	host, _, found := strings.Cut(image, "/")
	return found && strings.ContainsAny(host, ".:") && !strings.Contains(image, "$")
}
