package challenge

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// How often a file is given to the parser without what it has refused, so that the rest can be told of in the same
// round.
const (
	maxParses = 40    // altogether
	maxParsed = 60000 // keys and values altogether, so that a large file is given to it twice or thrice
	maxSought = 3000  // keys and values of a file in which a refused one is looked for that the parser does not name
)

// parse gives a model to the parser. What that refuses is told of and taken out, until it takes the rest: then unread
// is set, and the project is good for nothing but finding what else is wrong.
func (s *sources) parse(f *source, model map[string]any) *types.Project {
	load := func(model map[string]any) (*types.Project, error) {
		return loadProject(s.ctx, types.ConfigDetails{
			WorkingDir: f.beside, ConfigFiles: []types.ConfigFile{{Filename: f.path, Config: model}}, Environment: f.environment,
		})
	}
	before := len(*s.problems)
	for left := max(2, min(maxParses, maxParsed/size(model))); left > 0; left-- {
		project, err := load(copied(model).(map[string]any))
		if err == nil {
			if s.unread { // what follows from what has been taken out is not told of again
				s.first = len(*s.problems)
			}
			return project
		}
		s.unread = true
		went := false
		for _, said := range s.causes(err) {
			key := s.main.keyOf(said)
			if key == "" {
				key = seek(model, err.Error(), &left, load)
			}
			if !s.follows(before, key, said) {
				s.problems.add(s.main.file, 0, key, "%s", castless(strings.TrimPrefix(said, key+": ")))
			}
			went = takeOut(model, key) || went
		}
		if !went || s.problems.full() {
			break
		}
	}
	s.first = min(s.first, before)
	return nil
}

// follows says whether an error may be of nothing but what was refused before the parser got the file, and so was left
// out.
func (s *sources) follows(before int, key, said string) bool {
	missing := ""
	if m := undefined.FindStringSubmatch(said); m != nil {
		_, name, _ := strings.Cut(said, "undefined "+m[3]+" ")
		missing = m[3] + "s." + strings.Trim(name, `"`)
	}
	return slices.ContainsFunc((*s.problems)[:before], func(p Problem) bool {
		// by a key that was misspelt
		if rest, below := strings.CutPrefix(p.Key, key+"."); below && imageless.MatchString(said) {
			_, known := composeRules.keys["services"].keys["*"].keys[rest]
			return !p.Note && p.File == s.main.file && (!known || rest == "image" || rest == "build")
		}
		return !p.Note && p.File == s.main.file &&
			(key == "" || within(key, p.Key) || within(p.Key, key) || missing != "" && within(p.Key, missing))
	})
}

// castless is what the parser says of a value that should be a number, without its own words.
func castless(said string) string {
	if m := cast.FindStringSubmatch(said); m != nil {
		return m[1] + " is not what can stand here"
	}
	return said
}

var cast = regexp.MustCompile(`failed to cast to expected type: strconv\.\w+: parsing (".*"):`)

// decoding is how the parser names one of several values that it cannot take.
var (
	decoding  = regexp.MustCompile(`^'([^']+)' (.+)$`)
	bracketed = regexp.MustCompile(`\[([^\]\d][^\]]*)\]`)
)

// causes are what an error of the parser is about, each in a line of its own.
func (s *sources) causes(err error) (all []string) {
	said := strings.TrimPrefix(s.plain(err), "validating "+strings.TrimPrefix(s.main.file, s.prefix)+": ")
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		if m := decoding.FindStringSubmatch(line); m != nil {
			line = bracketed.ReplaceAllString(m[1], ".$1") + ": " + m[2]
		}
		if line = strings.TrimSuffix(line, ": invalid compose project"); line != "" &&
			!strings.HasPrefix(line, "decoding failed due to") {
			all = append(all, line)
		}
	}
	return all
}

// seek finds the key whose absence makes an error go, of what each service has and what stands beside the services.
func seek(model map[string]any, said string, left *int, load func(map[string]any) (*types.Project, error)) string {
	if size(model) > maxSought {
		return ""
	}
	services, _ := model["services"].(map[string]any)
	var keys []string
	for _, name := range slices.Sorted(maps.Keys(services)) {
		service, _ := services[name].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(service)) {
			if key != "image" && key != "build" {
				keys = append(keys, "services."+name+"."+key)
			}
		}
	}
	for _, part := range []string{"networks", "volumes", "configs", "secrets"} {
		if _, has := model[part]; has {
			keys = append(keys, part)
		}
	}
	for _, key := range keys {
		if *left--; *left <= 0 {
			return ""
		}
		without := copied(model).(map[string]any)
		takeOut(without, key)
		if _, err := load(without); err == nil || err.Error() != said {
			return key
		}
	}
	return ""
}

// inPlace is what takes the place of an item of a list that was refused, so that others keep theirs.
var inPlace = map[string]string{
	"ports": "1", "expose": "1", "volumes": "/.%d", "tmpfs": "/.%d", "environment": "_%d=", "command": "x",
	"entrypoint": "x",
}

// takeOut takes what a key names out of a model, or what is closest around it in a service; false if there is nothing.
// A service goes on with an image of no meaning.
func takeOut(model map[string]any, key string) bool {
	path := strings.SplitN(key, ".", 3)
	table, _ := model[path[0]].(map[string]any)
	if len(path) == 1 {
		_, has := model[path[0]]
		delete(model, path[0])
		return has && path[0] != "services"
	}
	if path[0] != "services" {
		_, has := table[path[1]]
		delete(table, path[1])
		return has
	}
	service, ok := table[path[1]].(map[string]any)
	switch {
	case !ok:
		return false
	case len(path) == 2:
		_, has := service["image"]
		service["image"] = "."
		return !has
	}
	name, rest, _ := strings.Cut(path[2], ".")
	name, index, _ := strings.Cut(name, "[")
	if n, err := strconv.Atoi(strings.TrimSuffix(index, "]")); err == nil {
		list, _ := service[name].([]any)
		if item, known := inPlace[name]; known && n < len(list) {
			if strings.Contains(item, "%") {
				item = fmt.Sprintf(item, n)
			}
			if list[n] != any(item) {
				list[n] = item
				return true
			}
		}
	}
	if under, ok := service[name].(map[string]any); ok && rest != "" {
		inner, _, _ := strings.Cut(rest, ".")
		if _, has := under[inner]; has && len(under) > 1 {
			delete(under, inner)
			return true
		}
	}
	_, has := service[name]
	if delete(service, name); name == "build" || name == "image" {
		service["image"] = "."
	}
	return has
}

// copied is a model that shares nothing with another; the parser changes what it gets.
func copied(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, inner := range v {
			out[key] = copied(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for n, inner := range v {
			out[n] = copied(inner)
		}
		return out
	}
	return value
}

// size is how many keys and values there are.
func size(value any) int {
	n := 1
	switch v := value.(type) {
	case map[string]any:
		for _, inner := range v {
			n += size(inner)
		}
	case []any:
		for _, inner := range v {
			n += size(inner)
		}
	}
	return n
}
