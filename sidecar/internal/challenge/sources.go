package challenge

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// sources are the files that a compose file is put together of: its own, and those that it includes and extends. Each
// goes through the allow-list before the parser gets it, which opens none by itself.
type sources struct {
	ctx      context.Context
	dir      string // the challenge's folder, out of which nothing leads
	prefix   string // what dir is called in problems, with a slash
	own      []string
	problems *Problems
	left     *allowance
	main     *reading
	first    int  // how many findings there were before the parser got the rest
	unread   bool // the parser could not take the file as it is

	opened   int                 // how often files were named
	included map[string]bool     // see include
	bases    map[string]base     // services of other files that were extended
	origins  map[string][]origin // where else what a service has may stand
	named    []string            // paths of files that are read
}

// source is a compose file.
type source struct {
	located
	beside      string // what its paths are relative to
	environment types.Mapping
	read        *reading
	within      []string // the files that include it
}

// located is where one is: path as it is named, real with all links resolved, which tells whether two are the same.
type located struct{ path, real string }

func newSources(ctx context.Context, dir, prefix string, own []string, problems *Problems) *sources {
	return &sources{
		ctx: ctx, dir: dir, prefix: prefix, own: own, problems: problems, left: newAllowance(),
		included: map[string]bool{}, bases: map[string]base{}, origins: map[string][]origin{},
	}
}

// called is what problems call a file of the challenge.
func (s *sources) called(path string) string {
	name, err := filepath.Rel(s.dir, path)
	if err != nil {
		name = filepath.Base(path)
	}
	return s.prefix + name
}

// plain is an error of the parser without the path of the challenge's folder.
func (s *sources) plain(err error) string {
	return strings.ReplaceAll(err.Error(), s.dir+string(filepath.Separator), "")
}

// broken says that nothing more can be said of the files.
func (s *sources) broken() bool { return s.main.broken || s.left.spent() }

// open reads a file along the allow-list, and looks at its variables and environment files. It is nil if nothing more
// can be said of it.
func (s *sources) open(f *source, part bool, keep func(*yaml.Node)) map[string]any {
	file := s.called(f.path)
	content, err := readText(f.path, maxCompose)
	if err != nil {
		s.problems.add(file, 1, "", "%s", err)
		f.read = &reading{file: file, problems: s.problems, left: s.left, broken: true}
		return nil
	}
	r, taken := allowed(file, f.beside, content, s, vocabulary{s.own, f.environment}, part, keep)
	if f.read = r; r.left.spent() || r.broken {
		r.broken = true
		return nil
	}
	r.variablesIn(r.root, "")
	r.checkEnvFiles(s.dir, f.beside)
	for _, e := range r.envs {
		s.named = append(s.named, absolute(f.beside, e.path))
	}
	if r.broken = r.broken || r.left.spent(); r.broken {
		return nil
	}
	model := map[string]any{}
	if err := taken.Decode(&model); err != nil {
		s.problems.add(file, lineIn(err.Error()), "", "is not valid YAML: %s", err)
		r.broken = true
		return nil
	}
	return model
}

// assemble puts into a file what it includes, and then into its services what they extend.
func (s *sources) assemble(f *source, model map[string]any) {
	s.include(f, model)
	services, _ := model["services"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(services)) {
		found := s.extended(f, services, name, nil)
		if len(f.within) > 0 {
			s.origins[name] = append(s.origins[name], origin{f.read, name})
		}
		s.origins[name] = append(s.origins[name], found.from...)
	}
}

// local is a file that another one names; false if it cannot be had, which a problem then says.
func (s *sources) local(f *source, key, name string) (located, bool) {
	refuse := func(format string, args ...any) (located, bool) {
		s.problems.add(f.read.file, f.read.at.of(key), key, format, args...)
		return located{}, false
	}
	name = f.read.fill(name)
	path := filepath.Join(f.beside, name)
	switch real, err := inside(s.dir, path); {
	case strings.Contains(name, "$"):
		return refuse("%q is not allowed: write the name without variables, or set them in .env beside the file", name)
	case strings.Contains(name, "://") || strings.HasPrefix(name, "git@"):
		return refuse("%q is not fetched: a challenge is what its folder holds. Put a copy of it there", name)
	case name == "" || filepath.IsAbs(name) || strings.HasPrefix(name, "~") || err != nil && !os.IsNotExist(err):
		return refuse("%q must be a file in the challenge's folder", name)
	case err != nil:
		return refuse("there is no file %q in the challenge's folder", name)
	case !isRegular(real):
		return refuse("%q must be a file", name)
	case s.opened == maxFiles:
		return refuse("files are included and extended more than %d times; put some into one", maxFiles)
	default:
		s.opened++
		s.named = append(s.named, path)
		return located{path, real}, true
	}
}

func isRegular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// canonical is a model as the parser makes it, with its variables filled in and its paths absolute. What it says is
// final: a $ in it is doubled, so that it stays one when the file that it becomes a part of is read.
func (s *sources) canonical(f *source, models []map[string]any, defaults bool) (_ map[string]any, err error) {
	defer recovered(&err)
	details := types.ConfigDetails{WorkingDir: f.beside, Environment: f.environment}
	for _, model := range models {
		if len(model) == 0 { // which the parser refuses
			continue
		}
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: f.path, Config: model})
	}
	if len(details.ConfigFiles) == 0 {
		return map[string]any{}, nil
	}
	model, err := loader.LoadModelWithContext(s.ctx, details, onlyGiven, func(o *loader.Options) {
		o.SkipNormalization, o.SkipConsistencyCheck, o.SkipValidation, o.SkipDefaultValues = true, true, true, !defaults
	})
	if err != nil {
		return nil, err
	}
	return escaped(model).(map[string]any), nil
}

// escaped is a value in which each $ is doubled.
func escaped(value any) any {
	switch v := value.(type) {
	case string:
		return strings.ReplaceAll(v, "$", "$$")
	case map[string]any:
		for key, inner := range v {
			v[key] = escaped(inner)
		}
	case []any:
		for n, inner := range v {
			v[n] = escaped(inner)
		}
	}
	return value
}

// cloned is a copy of a value that shares nothing with it. All of it counts as if it had been written out.
func (s *sources) cloned(value any) any {
	s.left.nodes--
	switch v := value.(type) {
	case string:
		s.left.text -= len(v)
		s.left.work -= effort(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, inner := range v {
			out[key] = s.cloned(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for n, inner := range v {
			out[n] = s.cloned(inner)
		}
		return out
	}
	return value
}

// afforded says whether what was put together is still within bounds.
func (s *sources) afforded(f *source, key string) bool {
	if s.left.nodes >= 0 && s.left.text >= 0 && s.left.work >= 0 {
		return true
	}
	s.left.nodes = -1
	s.problems.add(f.read.file, f.read.at.of(key), key,
		"becomes too large: with all that it includes and extends, a file has at most 20000 keys and values and 1 MB of text")
	return false
}

// trace gives what was found in a service the place of what it is about, where that stands in another file.
func (s *sources) trace(file string) {
	for n := range *s.problems {
		p := &(*s.problems)[n]
		rest, ofService := strings.CutPrefix(p.Key, "services.")
		name, key, deeper := strings.Cut(rest, ".")
		if p.File != file || p.Line != 0 || !ofService || !deeper && s.main.at.has(p.Key) {
			continue
		}
		first, _, _ := strings.Cut(key, ".")
		first, _, _ = strings.Cut(first, "[")
		if s.main.at.has("services." + name + "." + first) {
			continue
		}
		for _, o := range s.origins[name] {
			if o.read.at.has(join("services."+o.name, first)) {
				p.File, p.Key = o.read.file, join("services."+o.name, key)
				p.Line = o.read.at.of(p.Key)
				break
			}
		}
	}
	seen := map[Problem]bool{} // what several services are made of is told of once
	*s.problems = slices.DeleteFunc(*s.problems, func(p Problem) bool {
		again := seen[p]
		seen[p] = true
		return again
	})
}
