package challenge

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/sentinel"
)

// dynamic says whether owners may get flags of their own.
func (d *definition) dynamic(defaults Defaults) bool {
	return defaults.FlagPrefix != "" && !d.DisableDynamicFlags && d.Flag.Place != string(instancer.PlaceNone)
}

// withPrefix is another revision: placeholders of another prefix make other images.
func withPrefix(revision, prefix string) string {
	sum := sha256.Sum256([]byte(revision + " flags " + prefix))
	return hex.EncodeToString(sum[:])[:len(revision)]
}

// coreOf is a revision's core: letters that are no digits of any flag.
func coreOf(challenge, revision string, digits int) string {
	sum := sha256.Sum256([]byte("core of " + challenge + " " + revision))
	core := make([]byte, digits)
	for n := range core {
		core[n] = 'g' + sum[n%len(sum)]%20
	}
	return string(core)
}

// survey collects the placeholders of a challenge.
type survey struct {
	finder   sentinel.Finder
	dir      string
	found    []candidate
	files    map[string][]string // path → placeholders
	folders  map[string]surveyed
	binaries []string // mounted files that are no text
	token    bool     // the compose file asks for the flag by a variable
}

// surveyed is what a folder has: files with placeholders, and those that are no text.
type surveyed struct{ with, binaries []string }

type candidate struct {
	rank int
	name string
	text string
}

// findFlag fills a challenge's Flag, and marks where its flag goes: builds, mounts, and values of the compose file.
func findFlag(ctx context.Context, d *definition, ch *instancer.Challenge, tomlFile, composeFile string, defaults Defaults, problems *Problems) {
	if !d.dynamic(defaults) {
		return
	}
	plan := &ch.Flag
	plan.Place, plan.Prefix = instancer.Place(d.Flag.Place), defaults.FlagPrefix
	s := &survey{finder: sentinel.NewFinder(plan.Prefix), dir: ch.Dir, files: map[string][]string{}, folders: map[string]surveyed{}}
	for n := range ch.Services {
		if err := s.service(ctx, &ch.Services[n], composeFile); err != nil {
			problems.add(filepath.Base(ch.Dir), 0, "", "cannot be read: %s", err)
		}
	}
	slices.SortStableFunc(s.found, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.name, b.name)) })
	for _, c := range s.found {
		if plan.Base == "" && c.rank >= 0 {
			plan.Base = strings.TrimSuffix(strings.TrimPrefix(c.text, plan.Prefix+"{"), "}")
		}
		if !slices.Contains(plan.Placeholders, c.text) {
			plan.Placeholders = append(plan.Placeholders, c.text)
		}
	}
	env := plan.Place == instancer.PlaceEnv
	if env {
		for n := range ch.Services {
			giveEnv(&ch.Services[n])
		}
	}
	plan.Dynamic = plan.Base != "" || s.token || env
	plan.Elsewhere = s.token || env || slices.ContainsFunc(ch.Services, func(s instancer.Service) bool {
		return slices.ContainsFunc(s.Mounts, func(m instancer.Mount) bool { return len(m.Flags) > 0 })
	})
	if plan.Place == instancer.PlaceBuild && plan.Base == "" {
		problems.add(tomlFile, 0, "flag.place", `"build" needs a placeholder %s{…} in a file that an image is built from`, plan.Prefix)
	}
	for _, name := range s.binaries {
		s.refuseBinary(name, plan.Placeholders, problems)
	}
	plan.Core = coreOf(ch.ID, ch.Revision, plan.Digits())
}

func (s *survey) service(ctx context.Context, service *instancer.Service, composeFile string) error {
	values := [][]string{service.Command, service.Entrypoint, service.Environment}
	if service.Health != nil {
		values = append(values, service.Health.Test)
	}
	for _, texts := range values {
		for n, text := range texts {
			s.add(1, filepath.Base(composeFile), s.finder.Find([]byte(text)))
			replaced, _ := s.finder.Replace([]byte(text), instancer.Token("FLAG"))
			texts[n] = string(replaced)
			s.token = s.token || strings.Contains(texts[n], instancer.Token("FLAG")) || strings.Contains(texts[n], instancer.Token("DYNAMIC_FLAG"))
		}
	}
	if b := service.Build; b != nil {
		with, _, err := s.folder(ctx, b.Context)
		if err != nil {
			return err
		}
		inline := s.finder.Find([]byte(b.Inline))
		s.add(1, filepath.Base(composeFile), inline)
		b.Flag = len(with) > 0 || len(inline) > 0
		for _, value := range b.Args {
			found := s.finder.Find([]byte(value))
			s.add(1, filepath.Base(composeFile), found)
			b.Flag = b.Flag || len(found) > 0
		}
	}
	for n := range service.Mounts {
		m := &service.Mounts[n]
		if m.Volume {
			continue
		}
		with, binaries, err := s.folder(ctx, m.Source)
		if err != nil {
			return err
		}
		s.binaries = append(s.binaries, binaries...)
		m.Flags = with
	}
	return nil
}

// folder lists the files of a folder that hold placeholders and those that are no text, both relative to it ("." is
// the folder itself, if it is a file).
func (s *survey) folder(ctx context.Context, dir string) (with, binaries []string, err error) {
	if known, again := s.folders[dir]; again { // as many mounts may be of one folder as there may be mounts
		return known.with, known.binaries, nil
	}
	err = files.Walk(ctx, dir, func(path string, entry fs.DirEntry) error {
		switch {
		case entry.IsDir() && sentinel.SkipFolder(entry.Name()):
			return filepath.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		found, text, err := s.file(path)
		if err != nil {
			return err
		}
		if !text {
			binaries = append(binaries, path)
		}
		if len(found) > 0 {
			name, err := filepath.Rel(dir, path)
			with = append(with, name)
			return err
		}
		return nil
	})
	s.folders[dir] = surveyed{with, binaries}
	return with, binaries, err
}

func (s *survey) file(path string) (found []string, text bool, err error) {
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
	s.add(sentinel.Rank(name), name, found)
	return found, true, err
}

func (s *survey) add(rank int, name string, found []string) {
	for _, text := range found {
		s.found = append(s.found, candidate{rank, name, text})
	}
}

// refuseBinary refuses a mounted file that holds a placeholder and is no text: it would stay.
func (s *survey) refuseBinary(path string, placeholders []string, problems *Problems) {
	info, err := os.Stat(path)
	if err != nil || info.Size() > sentinel.MaxText {
		return
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return
	}
	for _, p := range placeholders {
		if bytes.Contains(content, []byte(p)) {
			name, _ := filepath.Rel(filepath.Dir(s.dir), path)
			problems.add(name, 0, "", "holds %s, is mounted and no text: it cannot be given an owner's flag. Build it in a Dockerfile", p)
		}
	}
}

// giveEnv gives a service the variable FLAG unless it has one.
func giveEnv(service *instancer.Service) {
	if slices.ContainsFunc(service.Environment, func(e string) bool { return strings.HasPrefix(e, "FLAG=") }) {
		return
	}
	service.Environment = append(slices.Clone(service.Environment), "FLAG="+instancer.Token("FLAG"))
	slices.Sort(service.Environment)
}
