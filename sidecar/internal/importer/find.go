package importer

import (
	"cmp"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
)

// found is a challenge's folder, with what import knows before anything is decided.
type found struct {
	folder      *folder
	meta        metadata
	composes    []file
	dockerfiles []file
	own         bool // it has an instance.toml
}

var (
	composeForm    = regexp.MustCompile(`(?i)^((docker[-_]?)?compose([-._].*)?|.*[-._](docker[-_]?)?compose)\.ya?ml$`)
	dockerfileForm = regexp.MustCompile(`(?i)^(dockerfile|containerfile)([-._].*)?$|\.dockerfile$`)
	notDockerfile  = regexp.MustCompile(`(?i)\.(dockerignore|md|txt|sh|py|bak|orig|swp|j2|tmpl|template|ya?ml|json)$`)
)

func isCompose(name string) bool { return composeForm.MatchString(name) }
func isDockerfile(name string) bool {
	return dockerfileForm.MatchString(name) && !notDockerfile.MatchString(name)
}

// runs says whether a folder has something that makes containers.
func (f *folder) runs() bool {
	return slices.ContainsFunc(f.files, isCompose) || slices.ContainsFunc(f.files, isDockerfile)
}

// find looks for the folders of challenges in a tree. resting is how many have metadata and nothing that runs, and
// notes are of what was left out.
func find(root *folder) (all []*found, notes []string, resting int) {
	s := &search{root: root, metas: map[*folder]metadata{}, claims: map[*folder]*found{}}
	var running []*folder
	root.each(func(f *folder) bool {
		if m := findMetadata(f); m.format != "" {
			s.metas[f] = m
		}
		if f.runs() {
			running = append(running, f)
		}
		return true
	})
	for f := range s.metas {
		s.drop(f)
	}
	deployed := slices.Clone(running)
	running = slices.DeleteFunc(running, func(f *folder) bool {
		if !s.runsEvent(f, deployed) {
			return false
		}
		notes = append(notes, f.path+" was left out: it runs the event itself")
		return true
	})
	running = slices.DeleteFunc(running, func(f *folder) bool {
		if s.metas[f].format != "" || slices.Contains(f.files, definitionFile) ||
			slices.ContainsFunc(f.files, isDockerfile) || !collects(f) {
			return false
		}
		for _, name := range f.files {
			if isCompose(name) {
				notes = append(notes, startsSeveral(file{f, name}.path()))
			}
		}
		return true
	})
	for _, f := range running {
		s.claim(s.home(f))
	}
	s.separate(running)
	for _, f := range running {
		if at := s.around(f); at != nil {
			for _, name := range f.files {
				switch {
				case isCompose(name):
					at.composes = append(at.composes, file{f, name})
				case isDockerfile(name):
					at.dockerfiles = append(at.dockerfiles, file{f, name})
				}
			}
		}
	}
	root.each(func(f *folder) bool {
		at := s.claims[f]
		if slices.Contains(f.files, definitionFile) {
			at = cmp.Or(at, &found{folder: f})
			at.own = true
		}
		if at != nil && (at.own || len(at.composes)+len(at.dockerfiles) > 0) {
			at.meta = s.metaOf(f)
			all = append(all, at)
		}
		if _, has := s.metas[f]; has && at == nil {
			resting++
		}
		return true
	})
	return all, notes, resting
}

type search struct {
	root   *folder
	metas  map[*folder]metadata
	claims map[*folder]*found
}

func (s *search) claim(f *folder) {
	if s.claims[f] == nil {
		s.claims[f] = &found{folder: f}
	}
}

// drop forgets metadata that are of an outer folder's challenge, as what a part of it is deployed by.
func (s *search) drop(f *folder) {
	for at := f; at.parent != nil && isGeneric(at.name); {
		at = at.parent
		if _, has := s.metas[at]; has && !s.event(at) {
			s.metas[f] = metadata{}
			return
		}
	}
}

// metaOf are a folder's own metadata, with what those of its parts know.
func (s *search) metaOf(f *folder) metadata {
	m := s.metas[f]
	f.each(func(inner *folder) bool {
		if inner != f && s.claims[inner] != nil {
			return false
		}
		if inner != f && s.metas[inner].format == "" && isGeneric(inner.name) {
			if part := findMetadata(inner); part.format != "" {
				if m.format == "" {
					m, m.file = part, filepath.Join(inner.name, part.file)
				} else {
					m.complete(part)
				}
			}
		}
		return true
	})
	return m
}

// home is the folder of the challenge that a folder with a compose file or Dockerfile belongs to.
func (s *search) home(f *folder) *folder {
	for at := f; at != nil; at = at.parent {
		if slices.Contains(at.files, definitionFile) {
			return at
		}
	}
	for at := f; at != nil; at = at.parent {
		if s.metas[at].format != "" && (at == f || !s.event(at)) {
			return at
		}
	}
	for at := f.parent; at != nil && at != s.root; at = at.parent { // nor is a part of what players get, or of a solution
		if name := hyphened(at.name); handed[name] || solving[name] {
			f = at
		}
	}
	// What has a compose file around it is one of its services.
	for at := f.parent; at != nil; at = at.parent {
		if slices.ContainsFunc(at.files, isCompose) && !s.event(at) && !collects(at) {
			f = at
		}
	}
	for f != s.root && isGeneric(f.name) && !s.event(f.parent) {
		if up := f.parent; isCategory(up.name) && up.parent != nil && s.event(up.parent) {
			break // a challenge that is called as a part of one
		}
		f = f.parent
	}
	return f
}

// event says whether a folder holds challenges rather than the parts of one: by category, or each with metadata or an
// instance.toml of its own.
func (s *search) event(f *folder) bool {
	described := 0
	for _, inner := range f.inner {
		if (s.metas[inner].format != "" || slices.Contains(inner.files, definitionFile)) && !isGeneric(inner.name) {
			described++
		}
	}
	return described > 1 || byCategory(f)
}

// byCategory says whether a folder holds challenges by category.
func byCategory(f *folder) bool {
	children := 0
	for _, inner := range f.inner {
		if isCategory(inner.name) {
			children += min(2, inner.challenges())
		}
	}
	return children > 1
}

// challenges is how many folders in this one hold something that runs, and are called as no part of a challenge.
func (f *folder) challenges() int {
	n := 0
	for _, inner := range f.inner {
		if !isGeneric(inner.name) && inner.holds() {
			n++
		}
	}
	return n
}

// collects says whether a folder is that of many challenges by category, or one of these categories, or starts all.
func collects(f *folder) bool {
	return byCategory(f) || isCategory(f.name) && (f.parent == nil || byCategory(f.parent)) && f.challenges() > 1 || startsAll(f)
}

func startsSeveral(path string) string {
	return path + " starts several challenges together, and was left out: each of them is one of its own"
}

// runsEvent says whether a folder is a part of what runs the event itself: its platform and how that is watched.
func (s *search) runsEvent(f *folder, running []*folder) bool {
	names := f.below(s.root)
	if len(names) == 0 || !platforms[hyphened(names[0])] {
		return false
	}
	for at := f; at != s.root; at = at.parent {
		if s.metas[at].format != "" || slices.Contains(at.files, definitionFile) {
			return false
		}
	}
	beside := func(other *folder) bool { return other.below(s.root)[0] != names[0] }
	return slices.ContainsFunc(running, func(other *folder) bool { return other != s.root && beside(other) })
}

// holds says whether something runs in a folder or below it.
func (f *folder) holds() bool {
	any := false
	f.each(func(at *folder) bool {
		any = any || at.runs()
		return !any
	})
	return any
}

// around is the claim that a folder belongs to.
func (s *search) around(f *folder) *found {
	for at := f; at != nil; at = at.parent {
		if claim := s.claims[at]; claim != nil {
			return claim
		}
	}
	return nil
}

// separate takes back claims of outer folders that hold several challenges and have nothing of their own.
func (s *search) separate(running []*folder) {
	for _, f := range running {
		claim := s.around(f)
		outer := claim.folder
		if outer == f || s.metas[outer].format != "" || outer.runs() || slices.Contains(outer.files, definitionFile) {
			continue
		}
		others := 0
		for other := range s.claims {
			if other != outer && other.within(outer) {
				others++
			}
		}
		if others == 0 || others == 1 && !isCategory(outer.name) {
			continue
		}
		names := f.below(outer)
		for _, inner := range outer.inner {
			if inner.name == names[0] {
				s.claim(inner)
			}
		}
	}
}

// composeRank orders compose files: the deployed one before what players get, then what Compose would take, then by
// depth.
func composeRank(c file, home *folder) []int {
	names := c.in.below(home)
	exact, other := slices.Index(challenge.ComposeNames, c.name), 0
	if exact < 0 {
		exact, other = len(challenge.ComposeNames), 1
	}
	variant := 0
	for n, word := range []string{"prod", "deploy", "remote", "server"} {
		if strings.Contains(strings.ToLower(c.name), word) {
			variant = n - 4
		}
	}
	for _, word := range []string{
		"override", "dev", "local", "debug", "test", "example", "sample", "template", "player", "public", "handout", "solve",
	} {
		if strings.Contains(strings.ToLower(c.name), word) {
			variant = 1
		}
	}
	return []int{count(names, worse), max(variant, 0), other, len(names), exact, variant}
}

// dockerfileRank orders Dockerfiles in the same way.
func dockerfileRank(d file, home *folder) []int {
	names := d.in.below(home)
	variant := 0
	if !strings.EqualFold(d.name, "Dockerfile") {
		variant = 1
	}
	helper := count(
		names, words("bot bots adminbot admin-bot xssbot xss-bot db database mysql redis proxy nginx client solver builder"),
	)
	return []int{count(names, worse), helper, variant, min(1, max(0, len(names)-count(names, better))), len(names)}
}

func count(names []string, of map[string]bool) int {
	n := 0
	for _, name := range names {
		if of[hyphened(name)] {
			n++
		}
	}
	return n
}

// ranked sorts files by rank, then by path.
func ranked(all []file, home *folder, rank func(file, *folder) []int) []file {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b file) int {
		return cmp.Or(slices.Compare(rank(a, home), rank(b, home)), cmp.Compare(a.path(), b.path()))
	})
	return sorted
}

// relative is the path of a file from a folder, with slashes.
func relative(from *folder, path string) string {
	name, err := filepath.Rel(from.path, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(name)
}
