package challenge

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
	"go.yaml.in/yaml/v4"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// projectName is what the project of every challenge is called.
const projectName = "challenge"

// ComposeNames are what Compose takes for its file in a folder, the first that is there.
var ComposeNames = []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}

// findCompose is the path of the compose file in a challenge's folder: the one that instance.toml names, or the one
// that Compose would take.
func findCompose(dir, named string, problems *Problems) string {
	folder := filepath.Base(dir)
	if named != "" {
		name := filepath.Clean(named)
		real, err := inside(dir, filepath.Join(dir, name))
		info, statErr := os.Stat(real)
		switch {
		case os.IsNotExist(err) && !filepath.IsAbs(named):
			problems.add(folder+"/"+definitionFile, 0, "compose", "there is no %q in the challenge's folder", named)
		case err != nil || filepath.IsAbs(named) || statErr != nil || !info.Mode().IsRegular():
			problems.add(folder+"/"+definitionFile, 0, "compose", "%q must be a file in the challenge's folder", named)
		default:
			return name
		}
		return ""
	}
	var found []string
	for _, name := range ComposeNames {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		problems.add(folder, 0, "", "there is no compose file; it needs one of %s, or compose = \"…\" in %s",
			strings.Join(ComposeNames, ", "), definitionFile)
		return ""
	}
	for _, other := range found[1:] {
		problems.note(
			folder+"/"+other, 1, "", "is left out: Compose takes %s; name another in %s with compose = \"…\"", found[0],
			definitionFile,
		)
	}
	return found[0]
}

// readCompose loads what a compose file has that is on the allow-list, with the files that it includes and extends, and
// with no environment but the given variables and the .env beside it. name is its path in the challenge's folder, out
// of which nothing in it may lead; file what it is called in problems. The project is nil if the file cannot be read as
// one.
func readCompose(
	ctx context.Context, dir, name, file string, variables []string, problems *Problems,
) (*types.Project, *sources) {
	s := newSources(ctx, dir, strings.TrimSuffix(file, name), variables, problems)
	path := filepath.Join(dir, name)
	beside := filepath.Dir(path)
	real, err := inside(dir, path)
	if err != nil {
		problems.add(file, 1, "", "must be a file in the challenge's folder")
		s.main = &reading{file: file, problems: problems, broken: true}
		return nil, s
	}
	// What Compose itself sets: the folder, which here is as good as its path, and the project's name.
	environment := types.Mapping{"PWD": ".", "COMPOSE_PROJECT_NAME": projectName}.Merge(s.dotEnv(
		filepath.Join(beside, ".env"), s.called(filepath.Join(beside, ".env")),
	))
	f := &source{located: located{path, real}, beside: beside, environment: environment}
	model := s.open(f, false, func(*yaml.Node) {})
	if s.main = f.read; model == nil {
		return nil, s
	}
	f.environment = maps.Clone(f.environment)
	for _, v := range variables {
		f.environment[v] = whaley.Token(v)
	}
	s.first = len(*problems)
	s.assemble(f, model)
	if s.broken() {
		return nil, s
	}
	s.declare(f, model)
	project := s.parse(f, model)
	if project == nil {
		return nil, s
	}
	if !f.read.fillEnvironments(project) {
		return nil, s
	}
	s.nearest(project)
	s.madeBeside(project, beside)
	s.published(project)
	return project, s
}

// What the parser's errors speak of: a key, or a service that names something which is not there.
var (
	keyIn     = regexp.MustCompile(`\b(services|networks|volumes|configs|secrets)(\.[A-Za-z0-9_-]+(\[\d+\])?)+`)
	numbered  = regexp.MustCompile(`\.(\d+)\b`) // the parser's way of naming an item
	imageless = regexp.MustCompile(`service "([^"]+)" has neither an image nor a build`)
	circle    = regexp.MustCompile(`dependency cycle detected: (\S+) -> `)
	exclusive = regexp.MustCompile(`service (\S+) declares mutually exclusive`)
	undefined = regexp.MustCompile(
		`service "([^"]+)" (depends on|refers to) undefined (service|network|volume|config|secret)`,
	)
)

// keyOf is the key that an error of the parser is about. Whose network a service has it depends on too.
func (r *reading) keyOf(said string) string {
	key := keyOfError(said)
	if service, ok := strings.CutSuffix(key, ".depends_on"); ok && !r.at.has(key) && r.at.has(service+".network_mode") {
		return service + ".network_mode"
	}
	return key
}

func keyOfError(said string) string {
	if m := imageless.FindStringSubmatch(said); m != nil {
		return "services." + m[1]
	}
	if m := circle.FindStringSubmatch(said); m != nil {
		return "services." + m[1] + ".depends_on"
	}
	if m := undefined.FindStringSubmatch(said); m != nil {
		under := map[string]string{"service": "depends_on"}[m[3]]
		return "services." + m[1] + "." + cmp.Or(under, m[3]+"s")
	}
	if m := exclusive.FindStringSubmatch(said); m != nil {
		return "services." + m[1] + ".network_mode"
	}
	return numbered.ReplaceAllString(keyIn.FindString(said), "[$1]")
}

// The parser warns of each variable that is not set, as often as a file names it. The notes tell of these.
func init() { logrus.SetOutput(io.Discard) }

// loadProject parses. The parser is not ours: should a strange file make it panic, that is the file's problem.
func loadProject(ctx context.Context, details types.ConfigDetails) (project *types.Project, err error) {
	defer recovered(&err)
	return loader.LoadWithContext(ctx, details, onlyGiven)
}

// recovered makes a panic an error.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("cannot be read: %v", p)
	}
}

// onlyGiven keeps the parser from opening any file by itself.
func onlyGiven(o *loader.Options) {
	o.SetProjectName(projectName, true)
	o.SkipInclude, o.SkipExtends, o.ResolvePaths, o.SkipResolveEnvironment = true, true, true, true
	o.ResourceLoaders = nil
}
