package challenge

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
	"github.com/whaley-ctf/whaley/sidecar/internal/sentinel"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// survey collects the placeholders of a challenge.
type survey struct {
	finders  []sentinel.Finder // the first says what else may be a flag
	dir      string
	found    []candidate
	files    map[string][]sentinel.Found // path → placeholders
	folders  map[string]surveyed
	binaries []string    // mounted files that are no text
	similar  []candidate // what looks like a flag and is no placeholder: all of a flag file, or the prefix in another case
}

// surveyOf looks at all that a challenge's services are made of.
func surveyOf(
	ctx context.Context, ch *whaley.Challenge, composeFile string, finders []sentinel.Finder, problems *Problems,
) *survey {
	s := &survey{finders: finders, dir: ch.Dir, files: map[string][]sentinel.Found{}, folders: map[string]surveyed{}}
	for n := range ch.Services {
		if err := s.service(ctx, &ch.Services[n], composeFile); err != nil {
			problems.add(filepath.Base(ch.Dir), 0, "", "cannot be read: %s", err)
		}
	}
	return s
}

// surveyed is what a folder has: files with placeholders, and those that are no text.
type surveyed struct {
	with     []holder
	binaries []string
}

// holder is a file with placeholders; its name is relative to its folder.
type holder struct {
	name  string
	found []sentinel.Found
}

// holding are the files that hold one of some placeholders.
func (s surveyed) holding(texts []string) (names []string) {
	for _, h := range s.with {
		if slices.ContainsFunc(h.found, func(f sentinel.Found) bool { return slices.Contains(texts, f.Text) }) {
			names = append(names, h.name)
		}
	}
	return names
}

// values are a service's texts that may hold a flag.
func values(service *whaley.Service) [][]string {
	all := [][]string{service.Command, service.Entrypoint, service.Environment}
	if service.Health != nil {
		all = append(all, service.Health.Test)
	}
	return all
}

func (s *survey) service(ctx context.Context, service *whaley.Service, composeFile string) error {
	for _, texts := range values(service) {
		for _, text := range texts {
			s.value(composeFile, text)
		}
	}
	if b := service.Build; b != nil {
		if err := s.folder(ctx, b.Context); err != nil {
			return err
		}
		s.value(composeFile, b.Inline)
		for _, value := range b.Args {
			s.value(composeFile, value)
		}
		for _, file := range b.Secrets {
			if err := s.folder(ctx, file); err != nil {
				return err
			}
		}
	}
	for n := range service.Mounts {
		m := &service.Mounts[n]
		s.value(composeFile, m.Text)
		if m.Path() == "" {
			continue
		}
		if err := s.folder(ctx, m.Path()); err != nil {
			return err
		}
		s.binaries = append(s.binaries, s.folders[m.Path()].binaries...)
	}
	return nil
}

// folder finds the files of a folder that hold placeholders and those that are no text ("." is the folder itself, if it
// is a file).
func (s *survey) folder(ctx context.Context, dir string) error {
	if _, again := s.folders[dir]; again { // as many mounts may be of one folder as there may be mounts
		return nil
	}
	var seen surveyed
	err := files.Walk(ctx, dir, func(path string, entry fs.DirEntry) error {
		switch {
		case entry.IsDir() && sentinel.SkipFolder(entry.Name()):
			return filepath.SkipDir
		case !entry.Type().IsRegular(), path == filepath.Join(s.dir, definitionFile): // which names the flag and gets into no image
			return nil
		}
		found, text, err := s.file(path)
		if err != nil {
			return err
		}
		if !text {
			seen.binaries = append(seen.binaries, path)
		}
		if len(found) > 0 {
			name, err := filepath.Rel(dir, path)
			seen.with = append(seen.with, holder{name, found})
			return err
		}
		return nil
	})
	s.folders[dir] = seen
	return err
}

func (s *survey) file(path string) (found []sentinel.Found, text bool, err error) {
	if found, known := s.files[path]; known {
		return found, true, nil
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > sentinel.MaxText {
		return nil, false, err
	}
	content, err := os.ReadFile(path)
	if err != nil || !sentinel.IsText(content) {
		return nil, false, err
	}
	found = sentinel.Find(content, s.finders)
	name, err := filepath.Rel(s.dir, path)
	s.files[path] = found
	at := candidate{rank: sentinel.Rank(name), file: filepath.Join(filepath.Base(s.dir), name), line: 1}
	s.add(at, found, content)
	if values := s.finders[0].Assigned(content); len(found) == 0 && at.rank == 1 {
		for _, v := range values {
			c := at
			c.text, c.line, c.whole = v.Text, v.Line, true
			s.found = append(s.found, c)
		}
	}
	if like := s.finders[0].Similar(content, at.rank == 0); len(found) == 0 && at.rank >= 0 && like.Text != "" {
		s.similar = append(s.similar, candidate{rank: at.rank, file: at.file, line: like.Line, text: like.Text})
	}
	return found, true, err
}

// value looks at a text of the compose file. Of a variable what comes after the = may be a flag as a whole.
func (s *survey) value(composeFile, text string) {
	_, value, variable := strings.Cut(text, "=")
	if !variable {
		value = text
	}
	s.add(candidate{rank: 1, file: composeFile}, sentinel.Find([]byte(text), s.finders), []byte(value))
}

// add notes what was found at a place, or that all of it is a flag.
func (s *survey) add(at candidate, found []sentinel.Found, all []byte) {
	for _, f := range found {
		c := at
		if c.text = f.Text; c.line > 0 {
			c.line = f.Line
		}
		s.found = append(s.found, c)
	}
	if len(found) == 0 {
		if at.text, at.whole = s.finders[0].Whole(all); at.whole {
			s.found = append(s.found, at)
		}
	}
}

// refuseBinary refuses a mounted file that holds the placeholder and is no text: it would stay.
func (s *survey) refuseBinary(path, text string, problems *Problems) {
	info, err := os.Stat(path)
	if err != nil || info.Size() > sentinel.MaxText || text == "" {
		return
	}
	content, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(content, []byte(text)) {
		return
	}
	name, _ := filepath.Rel(filepath.Dir(s.dir), path)
	problems.add(
		name, 0, "", "holds %s, is mounted and no text: it cannot be given an owner's flag. Build it in a Dockerfile", text,
	)
}
