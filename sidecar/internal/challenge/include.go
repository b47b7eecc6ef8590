package challenge

import (
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/override"
	"github.com/compose-spec/compose-go/v2/tree"
	"go.yaml.in/yaml/v4"
)

// parts are what an included file brings in.
var parts = []string{"services", "networks", "volumes", "configs", "secrets"}

// include puts into a file what it includes from the challenge's folder, as Compose does: with the .env beside what is
// included, and where both have something of the same name, what the file says itself wins.
func (s *sources) include(f *source, model map[string]any) {
	entries, _ := model["include"].([]any)
	delete(model, "include")
	for n, entry := range entries {
		key := item("include", n)
		if s.left.spent() || len(f.within) >= maxChain {
			s.problems.add(f.read.file, f.read.at.of(key), key, "is one of more than %d files that include each other", maxChain)
			return
		}
		part := s.entry(f, key, entry)
		if part == nil {
			continue
		}
		for _, kind := range parts {
			if err := s.bring(model, part, kind); err != nil {
				s.problems.add(f.read.file, f.read.at.of(key), key, "cannot be merged: %s", s.plain(err))
			}
		}
		if !s.afforded(f, key) {
			return
		}
	}
}

// bring merges one kind of what a file includes into it.
func (s *sources) bring(model, part map[string]any, kind string) error {
	from, _ := part[kind].(map[string]any)
	to, _ := model[kind].(map[string]any)
	if len(from) == 0 {
		return nil
	}
	if to == nil {
		to = map[string]any{}
		model[kind] = to
	}
	for _, name := range slices.Sorted(maps.Keys(from)) {
		own, both := to[name]
		theirs := s.cloned(from[name])
		switch {
		case !both:
			to[name] = theirs
		case reflect.DeepEqual(own, theirs): // by two ways
		default:
			merged, err := override.MergeYaml(theirs, own, tree.NewPath(kind, name))
			if err != nil {
				return err
			}
			to[name] = merged
		}
	}
	return nil
}

// inclusion is an entry of include.
type inclusion struct {
	paths, environment []string
	folder             string
}

func inclusionOf(entry any) (i inclusion) {
	list := func(value any) (all []string) {
		switch v := value.(type) {
		case string:
			return []string{v}
		case []any:
			for _, one := range v {
				text, _ := one.(string)
				all = append(all, text)
			}
		}
		return all
	}
	if table, ok := entry.(map[string]any); ok {
		i.paths, i.environment = list(table["path"]), list(table["env_file"])
		i.folder, _ = table["project_directory"].(string)
		return i
	}
	i.paths = list(entry)
	return i
}

// entry is what one entry brings in, or nil: a problem says why, or it is there already.
func (s *sources) entry(f *source, key string, entry any) map[string]any {
	i := inclusionOf(entry)
	refuse := func(format string, args ...any) map[string]any {
		s.problems.add(f.read.file, f.read.at.of(key), key, format, args...)
		return nil
	}
	if len(i.paths) == 0 {
		return refuse("must name a file")
	}
	around := append(slices.Clone(f.within), f.real)
	var files []located
	var same []string
	for _, name := range i.paths {
		at, ok := s.local(f, key, name)
		if !ok {
			return nil
		}
		if n := slices.Index(around, at.real); n >= 0 {
			var names []string
			for _, path := range append(around[n:], at.real) {
				names = append(names, filepath.Base(path))
			}
			return refuse("goes in a circle: %s", strings.Join(names, " → "))
		}
		files, same = append(files, at), append(same, at.real)
	}
	beside := filepath.Dir(files[0].path)
	if i.folder != "" {
		beside = filepath.Join(f.beside, i.folder)
		if real, err := inside(s.dir, beside); err != nil || filepath.IsAbs(i.folder) || strings.Contains(i.folder, "$") ||
			!isFolder(real) {
			return refuse("%q must be a folder in the challenge's folder", i.folder)
		}
	}
	if real, err := filepath.EvalSymlinks(beside); err == nil {
		same = append(same, real)
	}
	once := strings.Join(same, "\x00")
	if s.included[once] {
		return nil
	}
	s.included[once] = true
	environment, ok := s.environment(f, key, beside, i.environment)
	if !ok {
		return nil
	}
	var models []map[string]any
	var last *source
	for _, at := range files {
		last = &source{located: at, beside: beside, environment: environment, within: around}
		model := s.open(last, true, func(*yaml.Node) {})
		if model == nil {
			return nil
		}
		s.assemble(last, model)
		models = append(models, model)
	}
	made, err := s.canonical(last, models, true)
	if err != nil {
		said := s.plain(err)
		if on := keyOfError(said); on != "" && last.read.at.has(on) {
			s.problems.add(last.read.file, last.read.at.of(on), on, "%s", said)
			return nil
		}
		return refuse("%s", said)
	}
	return made
}

// environment are the variables of an included file: those of the file that includes it, and then of the environment
// files of its own, or of the .env beside it.
func (s *sources) environment(f *source, key, beside string, names []string) (map[string]string, bool) {
	environment := maps.Clone(f.environment)
	if len(names) == 0 {
		path := filepath.Join(beside, ".env")
		return environment.Merge(s.dotEnv(path, s.called(path))), true
	}
	for _, name := range slices.Backward(names) { // later ones win
		at, ok := s.local(f, key, name)
		if !ok {
			return nil, false
		}
		environment.Merge(s.dotEnv(at.path, s.called(at.path)))
	}
	return environment, true
}
