package importer

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"
)

// recipe is what a Dockerfile says that matters to whoever runs its image.
type recipe struct {
	file    string   // its path in the challenge's folder
	bases   []string // of the last stage, and of the stages of this file that it is made of
	exposed []said
	sources []string // what its COPY and ADD take from the context
	text    string   // of those stages
	lines   []line   // instructions, with where they begin
	command string   // the last CMD and ENTRYPOINT
	env     map[string]string
}

type line struct {
	number            int
	instruction, rest string
}

var (
	spaces    = regexp.MustCompile(`\s+`)
	variables = regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}?`)
)

// readDockerfile looks at the instructions of a Dockerfile. It takes no part in building, so that what it does not
// understand is passed over.
func readDockerfile(text string) recipe {
	r := recipe{text: text, env: map[string]string{}}
	stages := map[string]string{} // name → base
	base, named := "", ""
	for _, l := range instructions(text) {
		rest := l.rest
		switch l.instruction {
		case "FROM":
			words := withoutFlags(strings.Fields(r.expand(rest)))
			if len(words) == 0 {
				continue
			}
			base, named = words[0], ""
			if len(words) > 2 && strings.EqualFold(words[1], "as") {
				named = strings.ToLower(words[2])
			}
			stages[named] = base
			if _, own := stages[strings.ToLower(base)]; !own { // what another stage exposes and starts is not this one's
				r.exposed, r.command = nil, ""
			}
		case "ARG", "ENV":
			for name, value := range assignments(rest) {
				if _, given := r.env[name]; !given || l.instruction == "ENV" {
					r.env[name] = r.expand(value)
				}
			}
		case "EXPOSE":
			for _, word := range strings.Fields(r.expand(rest)) {
				from, protocol, _ := strings.Cut(strings.ToLower(word), "/")
				from, _, _ = strings.Cut(from, "-")
				if port := portOf(from); port > 0 && protocol != "udp" {
					r.exposed = append(r.exposed, said{port: port})
				}
			}
		case "COPY", "ADD":
			r.sources = append(r.sources, copied(r.expand(rest))...)
		case "CMD", "ENTRYPOINT":
			r.command += " " + strings.Join(shellWords(rest), " ")
		}
		r.lines = append(r.lines, l)
	}
	for seen := 0; base != "" && seen < 20; seen++ {
		r.bases = append(r.bases, base)
		base = stages[strings.ToLower(base)]
	}
	return r
}

// instructions are a Dockerfile's, each in one line.
func instructions(text string) []line {
	var all []line
	var current string
	begun := 0
	for n, raw := range strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n") {
		trimmed := strings.TrimSpace(raw)
		if strings.HasPrefix(trimmed, "#") || trimmed == "" {
			continue
		}
		if current == "" {
			begun = n + 1
		}
		before, on := strings.CutSuffix(trimmed, `\`)
		current += " " + before
		if on {
			continue
		}
		instruction, rest, _ := strings.Cut(strings.TrimSpace(spaces.ReplaceAllString(current, " ")), " ")
		if strings.EqualFold(instruction, "ONBUILD") {
			instruction, rest, _ = strings.Cut(rest, " ")
		}
		all = append(all, line{begun, strings.ToUpper(instruction), rest})
		if current = ""; len(all) > 5000 {
			break
		}
	}
	return all
}

// expand fills in what the file itself says of its variables.
func (r *recipe) expand(text string) string {
	if len(text) > 10000 {
		return text
	}
	return variables.ReplaceAllStringFunc(text, func(used string) string {
		m := variables.FindStringSubmatch(used)
		if value := r.env[m[1]]; value != "" && len(value) < 500 {
			return value
		}
		return m[2]
	})
}

func withoutFlags(words []string) []string {
	return slices.DeleteFunc(words, func(w string) bool { return strings.HasPrefix(w, "--") })
}

func assignments(rest string) map[string]string {
	set := map[string]string{}
	if name, value, spaced := strings.Cut(rest, " "); spaced && !strings.Contains(name, "=") {
		set[name] = value
		return set
	}
	for _, word := range strings.Fields(rest) {
		if name, value, ok := strings.Cut(word, "="); ok {
			set[name] = strings.Trim(value, `"'`)
		}
	}
	return set
}

func shellWords(rest string) []string {
	var list []string
	if json.Unmarshal([]byte(rest), &list) == nil {
		return list
	}
	return strings.Fields(rest)
}

// copied are the sources in the context that a COPY or ADD names.
func copied(rest string) []string {
	if strings.Contains(rest, "--from=") || strings.Contains(rest, "<<") {
		return nil
	}
	var list []string
	words := strings.Fields(rest)
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		words = words[1:]
	}
	if json.Unmarshal([]byte(strings.Join(words, " ")), &list) == nil {
		words = list
	}
	if len(words) < 2 {
		return nil
	}
	var sources []string
	for _, source := range words[:len(words)-1] {
		fetched := strings.Contains(source, "://")
		source = strings.TrimPrefix(path.Clean(strings.Trim(source, `"'`)), "/")
		if source != "" && source != "." && !fetched && !strings.Contains(source, "$") {
			sources = append(sources, source)
		}
	}
	return sources
}

// baseName is an image's name without registry, owner, tag and digest, and its tag.
func baseName(image string) (name, tag string) {
	image, _, _ = strings.Cut(image, "@")
	name = path.Base(image)
	name, tag, _ = strings.Cut(name, ":")
	return strings.ToLower(name), strings.ToLower(tag)
}
