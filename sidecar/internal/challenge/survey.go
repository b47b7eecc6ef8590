package challenge

import (
	"bytes"
	"cmp"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/sentinel"
)

// survey collects the placeholders of a challenge.
type survey struct {
	finder   sentinel.Finder
	dir      string
	found    []candidate
	files    map[string][]sentinel.Found // path → placeholders
	folders  map[string]surveyed
	binaries []string    // mounted files that are no text
	similar  []candidate // what looks like a flag and is no placeholder: all of a flag file, or the prefix in another case
}

// surveyOf looks at all that a challenge's services are made of.
func surveyOf(ctx context.Context, ch *instancer.Challenge, composeFile string, finder sentinel.Finder, problems *Problems) *survey {
	s := &survey{finder: finder, dir: ch.Dir, files: map[string][]sentinel.Found{}, folders: map[string]surveyed{}}
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

// holding are the files that hold a placeholder.
func (s surveyed) holding(text string) (names []string) {
	for _, h := range s.with {
		if slices.ContainsFunc(h.found, func(f sentinel.Found) bool { return f.Text == text }) {
			names = append(names, h.name)
		}
	}
	return names
}

// candidate is what may be the flag, and where it stands: a file of the challenge, and a line or 0.
type candidate struct {
	rank  int
	file  string
	line  int
	text  string
	whole bool // a text that is nothing but a flag, and may hold what elsewhere is code
}

// pretending is what texts say that only look like flags.
var pretending = regexp.MustCompile(`(?i)fake|dummy|decoy|placeholder|redacted|change_?me|not_?(the_?)?(real|flag)|try_?(harder|again)` +
	`|(^|[^a-z0-9])(test|testing|sample|example|wrong|nope)([^a-z0-9]|$)`)

const maxNamed = 10 // candidates that notes tell of

// choose is the placeholder that is the flag. Of several the one is taken that alone does not say that it is none, or that
// alone stands in a flag file; else none is, since one that is no flag must never become one.
func (s *survey) choose(d *definition, tomlFile string, problems *Problems) (text string, literal bool) {
	if d.Flag.Text != "" {
		return d.Flag.Text, true
	}
	slices.SortStableFunc(s.found, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.file, b.file)) })
	var texts, honest, first []candidate // each text once
	for _, c := range s.found {
		if c.rank < 0 || slices.Contains(d.Flag.Decoys, c.text) || slices.ContainsFunc(texts, func(o candidate) bool { return o.text == c.text }) {
			continue
		}
		texts = append(texts, c)
		if !pretending.MatchString(c.text) {
			honest = append(honest, c)
		}
		if c.rank == 0 {
			first = append(first, c)
		}
	}
	tell := func(c candidate, format string, args ...any) { problems.note(c.file, c.line, "flag", format, args...) }
	switch {
	case len(texts) == 0:
		s.sortSimilar()
		for _, c := range s.similar[:min(len(s.similar), maxNamed)] {
			tell(c, "nobody gets a flag of their own of %s: if it is the flag, name it in instance.toml as [flag] text = %q", c.text, c.text)
		}
		return "", false
	case len(texts) == 1 && len(honest) == 0:
		tell(texts[0], "%s says that it is none, and is taken for the flag: nothing else looks like one. Name the right one in %s: [flag] text", texts[0].text, filepath.Base(tomlFile))
		return texts[0].text, texts[0].whole
	case len(texts) == 1:
		return texts[0].text, texts[0].whole
	}
	var chosen candidate
	switch {
	case len(honest) == 1:
		chosen = honest[0]
	case len(first) == 1:
		chosen = first[0]
	}
	for n, c := range texts {
		switch {
		case n == maxNamed:
			tell(c, "and %d more look like flags", len(texts)-n)
			return chosen.text, chosen.whole
		case chosen.text == "":
			tell(c, "%s may be the flag, one of %d: nobody gets a flag of their own until instance.toml says which is it, as [flag] text = %q", c.text, len(texts), c.text)
		case c.text != chosen.text:
			tell(c, "%s stays as it is: the flag is %s. If that is wrong, name it in instance.toml as [flag] text = %q", c.text, chosen.text, c.text)
		}
	}
	return chosen.text, chosen.whole
}

// sortSimilar leaves one of each text, flag files first.
func (s *survey) sortSimilar() {
	slices.SortStableFunc(s.similar, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.file, b.file)) })
	seen := map[string]bool{}
	s.similar = slices.DeleteFunc(s.similar, func(c candidate) bool {
		again := seen[c.text]
		seen[c.text] = true
		return again
	})
}

// values are a service's texts that may hold a flag.
func values(service *instancer.Service) [][]string {
	all := [][]string{service.Command, service.Entrypoint, service.Environment}
	if service.Health != nil {
		all = append(all, service.Health.Test)
	}
	return all
}

func (s *survey) service(ctx context.Context, service *instancer.Service, composeFile string) error {
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
	}
	for n := range service.Mounts {
		m := &service.Mounts[n]
		if m.Volume {
			continue
		}
		if err := s.folder(ctx, m.Source); err != nil {
			return err
		}
		s.binaries = append(s.binaries, s.folders[m.Source].binaries...)
	}
	return nil
}

// folder finds the files of a folder that hold placeholders and those that are no text ("." is the folder itself, if it is
// a file).
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
	found = s.finder.Find(content)
	name, err := filepath.Rel(s.dir, path)
	s.files[path] = found
	at := candidate{rank: sentinel.Rank(name), file: filepath.Join(filepath.Base(s.dir), name), line: 1}
	whole := content
	if at.rank != 0 {
		content = nil // only a flag file is nothing but a flag
	}
	s.add(at, found, content)
	if like := s.finder.Similar(whole, at.rank == 0); len(found) == 0 && at.rank >= 0 && like.Text != "" {
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
	s.add(candidate{rank: 1, file: composeFile}, s.finder.Find([]byte(text)), []byte(value))
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
		if at.text, at.whole = s.finder.Whole(all); at.whole {
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
	problems.add(name, 0, "", "holds %s, is mounted and no text: it cannot be given an owner's flag. Build it in a Dockerfile", text)
}
