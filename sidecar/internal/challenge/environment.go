package challenge

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// envFile is an entry of a service's env_file.
type envFile struct {
	path, key string
	line      int
	required  bool
}

// envFiles are those of a service.
func envFiles(node *yaml.Node, key string) []envFile {
	switch node.Kind {
	case yaml.ScalarNode:
		return []envFile{{node.Value, key, node.Line, true}}
	case yaml.SequenceNode:
		var all []envFile
		for n, item := range node.Content {
			all = append(all, envFiles(item, fmt.Sprintf("%s[%d]", key, n))...)
		}
		return all
	case yaml.MappingNode:
		e := envFile{key: key, line: node.Line, required: true}
		for n := 0; n+1 < len(node.Content); n += 2 {
			switch value := node.Content[n+1]; node.Content[n].Value {
			case "path":
				e.path, e.line = value.Value, value.Line
			case "required":
				e.required = value.Value != "false"
			}
		}
		return []envFile{e}
	}
	return nil
}

// dotEnv is a file of variables for compose files, as the .env beside one; file is what problems call it. One that is
// not there has none.
func (s *sources) dotEnv(path, file string) types.Mapping {
	env := types.Mapping{}
	real, err := inside(s.dir, path)
	if os.IsNotExist(err) {
		return env
	}
	if err != nil || !isRegular(real) {
		s.problems.add(file, 1, "", "must be a file in the challenge's folder")
		return env
	}
	if content, err := readText(path, maxCompose); err == nil && !s.left.affords(content) {
		s.problems.add(file, 1, "", "has too many variables in braces in long texts")
		return env
	}
	left := maxText
	if err := fillFrom(types.EnvFile{Path: real}, env, nil, nil, &left); err != nil {
		s.problems.add(
			file, lineIn(err.Error()), "", "cannot be read: %s", strings.ReplaceAll(err.Error(), real, filepath.Base(path)),
		)
	}
	return env
}

// checkEnvFiles refuses files outside the challenge before anything opens them, and notes those that are not there and
// variables in them that are set nowhere.
func (r *reading) checkEnvFiles(dir, beside string) {
	for _, e := range r.envs {
		path, err := inside(dir, filepath.Join(beside, e.path))
		switch {
		case strings.Contains(e.path, "$"):
			r.problems.add(
				r.file, e.line, e.key, "%q is not allowed: write the name without variables, or set them in .env beside the file",
				e.path,
			)
			r.broken = true // it would be opened
			continue
		case filepath.IsAbs(e.path) || strings.HasPrefix(e.path, "~") || err != nil && !os.IsNotExist(err):
			r.problems.add(r.file, e.line, e.key, "%q must be a file in the challenge's folder", e.path)
			r.broken = true
			continue
		case err != nil && e.required:
			r.problems.note(r.file, e.line, e.key, "is left out: there is no file %q in the challenge's folder", e.path)
			continue
		case err != nil:
			continue
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Type() != 0 || info.Mode()&fs.ModeIrregular != 0 {
			r.problems.add(r.file, e.line, e.key, "%q must be a file in the challenge's folder", e.path)
			r.broken = true
			continue
		}
		r.variablesOfFile(path, e)
	}
}

// affords takes what filling in an environment file's variables costs from the budget: the library goes through the
// rest of a line for each.
func (a *allowance) affords(content []byte) bool {
	for line := range bytes.Lines(content) {
		// Not effort: here a backslash changes what a $ is.
		a.work -= bytes.Count(line, []byte("${")) * len(line)
	}
	return a.work >= 0
}

// variablesOfFile looks at which variables a file names. None is filled in: that is done once, by fillEnvironments.
func (r *reading) variablesOfFile(path string, e envFile) {
	content, err := readText(path, maxCompose)
	if err != nil {
		r.problems.add(r.file, e.line, e.key, "%s", err)
		return
	}
	if !r.left.affords(content) {
		r.problems.add(r.file, e.line, e.key, "%q has too many variables in braces in long texts", e.path)
		r.broken = true // filling them in would take minutes
		return
	}
	used := map[string]bool{}
	own, err := dotenv.UnmarshalBytesWithLookup(content, func(name string) (string, bool) {
		used[name] = true
		return "", true
	})
	if err != nil {
		r.problems.add(r.file, e.line, e.key, "%q cannot be read: %s", e.path, strings.ReplaceAll(err.Error(), path, e.path))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if _, here := own[name]; !here && !r.variables.has(name) {
			r.problems.note(r.file, e.line, e.key, "in %q, %s", e.path, unset(name))
		}
	}
}

// errTooLong ends the reading of an environment file.
var errTooLong = errors.New(
	"with its variables filled in it has more than 1 MB; a variable may not hold itself again and again",
)

// fillEnvironments gives each service what its environment files say, as the specification has it: the service's own
// values win, then later files. It is false if there is anything wrong.
func (r *reading) fillEnvironments(project *types.Project) bool {
	before := len(*r.problems)
	left := maxText
	for _, name := range slices.Sorted(maps.Keys(project.Services)) {
		s := project.Services[name]
		s.Environment = s.Environment.Resolve(project.Environment.Resolve)
		values := s.Environment.ToMapping()
		for n, file := range s.EnvFiles {
			if err := fillFrom(file, values, project.Environment, s.Environment, &left); err != nil {
				r.problems.add(r.file, 0, item("services."+name+".env_file", n), "%q: %s", filepath.Base(file.Path), err)
				return false
			}
		}
		s.Environment, s.EnvFiles = values.ToMappingWithEquals().OverrideBy(s.Environment), nil
		project.Services[name] = s
	}
	return len(*r.problems) == before
}

// As Compose does for env_file with format: raw, where nothing is filled in and quotes are text.
func init() {
	dotenv.RegisterFormat("raw", func(
		r io.Reader, name string, values map[string]string, _ func(string) (string, bool),
	) error {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, maxCompose)
		for n := 1; lines.Scan(); n++ {
			line := strings.TrimSuffix(lines.Text(), "\r")
			if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
				continue
			}
			key, value, found := strings.Cut(line, "=")
			if !found {
				return fmt.Errorf("%s: line %d has no =", filepath.Base(name), n)
			}
			values[key] = value
		}
		return lines.Err()
	})
}

// fillFrom reads one environment file into values. Each variable that is filled in counts with its length: the library
// has no bound, and doubling lines make a gigabyte of a few hundred bytes.
func fillFrom(file types.EnvFile, values, first types.Mapping, second types.MappingWithEquals, left *int) (err error) {
	content, err := readText(file.Path, maxCompose)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a note has told it
	}
	if err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			if err, _ = p.(error); !errors.Is(err, errTooLong) {
				err = fmt.Errorf("cannot be read: %v", p)
			}
		}
	}()
	spend := func(value string) (string, bool) {
		if *left -= len(value); *left < 0 {
			panic(errTooLong) // the only way out of the library before it has it all in memory
		}
		return value, true
	}
	spend(string(content))
	return dotenv.ParseWithFormat(bytes.NewReader(content), file.Path, values, func(name string) (string, bool) {
		if value, ok := first.Resolve(name); ok {
			return spend(value)
		}
		if value, ok := second[name]; ok && value != nil {
			return spend(*value)
		}
		if value, ok := values[name]; ok {
			return spend(value)
		}
		return "", false
	}, file.Format)
}
