package challenge

import (
	"cmp"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/whaley-ctf/whaley/sidecar/internal/jail"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// jails are images by which authors give each connection a sandbox, the first that fits. What events have built on them
// has their names.
var jails = []struct {
	image  *regexp.Regexp
	family jail.Family
}{
	{imageOf(`kctf-docker/[a-z-]+`), jail.KCTF},
	{imageOf(`cybersecnatlab/chall?(enge)?-jail|chall?(enge)?-jail`), jail.Cyber},
	{imageOf(`[a-z0-9._-]*nsjail[a-z0-9._-]*`), merged(jail.Nsjail, jail.DownUnder)},
	{imageOf(`redpwn/jail|pwn\.red/jail|jail`), jail.Redpwn},
}

// unprivileged are servers that some authors give a jail's privileges and that need none: nothing takes their place.
var unprivileged = imageOf(`cybersecnatlab/socaz`)

// unprivilegedStage is where a Dockerfile takes such a server from.
var unprivilegedStage = regexp.MustCompile(`(?im)^\s*(CMD|ENTRYPOINT)\b.*\bsocaz\b`)

func imageOf(name string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)^([a-z0-9.-]+(:\d+)?/)?([a-z0-9._-]+/)*(` + name + `)([:@]|$)`)
}

func merged(a, b jail.Family) jail.Family {
	return jail.Family{Over: uniqueOf(a.Over, b.Over), Roots: uniqueOf(a.Roots, b.Roots)}
}

func uniqueOf(lists ...[]string) []string {
	var all []string
	for _, one := range slices.Concat(lists...) {
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}

// jailProgram is one that a Dockerfile installs, configures or runs.
var jailProgram = regexp.MustCompile(`(?im)^[^#\n]*(\bnsjail\b|/jail/run\b|\bkctf_setup\b)`)

// familyOf is the jail of what a Dockerfile builds: of its last stage, or the target, and of what that is made from.
func familyOf(d dockerfile) (jail.Family, bool) {
	if family, ok := familyOfImage(d.base); ok {
		return family, true
	}
	if jailProgram.MatchString(d.text) {
		return jail.Nsjail, true
	}
	return jail.Family{}, false
}

func familyOfImage(image string) (jail.Family, bool) {
	for _, j := range jails {
		if j.image.MatchString(image) {
			return j.family, true
		}
	}
	return jail.Family{}, false
}

// ofJails are the keys of a service, in whatever form, that only a jail's own sandbox needs.
var ofJails = []string{"privileged", "cap_add", "security_opt", "cgroup", "userns_mode"}

// rightsOfJails are what the stand-in needs, whatever the file drops: to enter a root, become a user, and end what that
// has begun. The program has none of them.
var rightsOfJails = []string{"SYS_CHROOT", "SETGID", "SETUID", "KILL"}

// jail gives a service whose image has a jail the stand-in for it, and takes what was refused because only the jail
// itself would have needed it for a note. None of these keys reaches the container. The stand-in alone is no note:
// nothing of the file is done otherwise.
func (c *converter) jail(s *whaley.Service, from types.ServiceConfig) {
	family, ok := jail.Family{}, false
	var d dockerfile
	if s.Build == nil {
		family, ok = familyOfImage(s.Image)
	} else {
		text := []byte(s.Build.Inline)
		if s.Build.Dockerfile != "" {
			var err error
			if text, err = readLimited(filepath.Join(s.Build.Context, s.Build.Dockerfile), maxFile); err != nil {
				return // told of already
			}
		}
		d = lastOf(string(text), from.Build.Target)
		if family, ok = familyOf(d); ok {
			family = merged(family, said(d.text, s.Build.Context))
		}
	}
	switch {
	case !ok && (unprivileged.MatchString(cmp.Or(d.base, s.Image)) || unprivilegedStage.MatchString(d.text)):
		c.leaveRights(s.Name, "is left out: socaz serves connections without it")
		return
	case !ok:
		return
	}
	s.Jail = &whaley.Jail{Over: family.Over, Roots: family.Roots}
	if slices.Contains(family.Over, jail.Entry) && !d.commanded && len(s.Entrypoint) == 0 && len(s.Command) == 0 {
		s.Entrypoint = []string{jail.Entry}
	}
	for _, right := range rightsOfJails {
		if !slices.Contains(s.Capabilities, right) {
			s.Capabilities = append(s.Capabilities, right)
		}
	}
	c.leaveRights(
		s.Name, "is left out: Whaley's stand-in takes the jail's place and needs no privilege; see docs/challenges.md, Jails",
	)
}

// leaveRights makes a note of what was refused only because it is more than a container may have. None of it reaches
// one.
func (c *converter) leaveRights(service, why string) {
	for n := range *c.problems {
		p := &(*c.problems)[n]
		key, ours := strings.CutPrefix(p.Key, "services."+service+".")
		key, _, _ = strings.Cut(key, "[")
		if ours && !p.Note && p.File == c.file && slices.Contains(ofJails, key) {
			p.Note, p.Text = true, why
		}
	}
}

// nsjailPath is where a program or script says nsjail lies.
var nsjailPath = regexp.MustCompile(`(?m)(?:^|[\s"'=,\[])((?:/[A-Za-z0-9_.+-]+)*/nsjail)(?:[\s"',\]]|$)`)

// How many files of a challenge are looked at for where its jail lies, and of which size.
const (
	maxScripts = 200
	maxScript  = 64 << 10
)

// said is what a Dockerfile, and the scripts and configurations beside it, say of where a jail's program and root are.
func said(text, context string) jail.Family {
	var f jail.Family
	look := func(text string) {
		for _, m := range nsjailPath.FindAllStringSubmatch(text, 20) {
			f.Over = append(f.Over, m[1])
		}
	}
	look(text)
	left := maxScripts
	_ = filepath.WalkDir(context, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // whoever builds the image tells of it
		}
		if left--; left < 0 {
			return fs.SkipAll
		}
		if !e.Type().IsRegular() {
			return nil
		}
		script, err := readLimited(path, maxScript)
		if err != nil {
			return nil
		}
		switch ext := strings.ToLower(filepath.Ext(path)); {
		case slices.Contains([]string{".cfg", ".conf", ".config", ".proto", ".txtpb"}, ext):
			if config, err := jail.Parse(string(script)); err == nil && config.Root != "/" && filepath.IsAbs(config.Root) {
				f.Roots = append(f.Roots, config.Root)
			}
		case ext == ".sh" || strings.HasPrefix(string(script), "#!"):
			look(string(script))
		}
		return nil
	})
	f.Roots, f.Over = cleanOf(f.Roots), cleanOf(f.Over)
	return f
}

// cleanOf are paths that a file may be mounted at: not the root, and nothing of the kernel's.
func cleanOf(paths []string) []string {
	var all []string
	for _, path := range paths {
		path = filepath.Clean(path)
		top, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		if path != "/" && len(all) < 8 && !slices.Contains([]string{"proc", "sys", "dev"}, top) &&
			!strings.ContainsAny(path, ",:\\\x00") {
			all = append(all, path)
		}
	}
	return uniqueOf(all)
}

// dockerfile is what is left of one for its last stage: what that is made from in the end, and the lines of all stages
// that it takes something from.
type dockerfile struct {
	base, text string
	commanded  bool // it says what runs
}

var (
	fromLine = regexp.MustCompile(`(?i)^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$`)
	taken    = regexp.MustCompile(`(?i)(?:--from=|\bfrom=)([^\s,]+)`)
	commands = regexp.MustCompile(`(?i)^\s*(CMD|ENTRYPOINT)\b`)
)

func lastOf(text, target string) dockerfile {
	type stage struct {
		base, name string
		lines      []string
		commanded  bool
	}
	stages := []stage{{}} // the first has what stands before any
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if m := (phrase{fromLine, []string{"from"}}).find(line); m != nil {
			stages = append(stages, stage{base: m[1], name: m[2]})
			continue
		}
		last := &stages[len(stages)-1]
		last.lines = append(last.lines, line)
		last.commanded = last.commanded || (phrase{commands, []string{"cmd", "entrypoint"}}).in(line)
	}
	find := func(name string, before int) int {
		if n, err := strconv.Atoi(name); err == nil && n >= 0 && n+1 < before {
			return n + 1
		}
		for n := before - 1; n > 0; n-- {
			if strings.EqualFold(stages[n].name, name) && name != "" {
				return n
			}
		}
		return 0
	}
	last := cmp.Or(find(target, len(stages)), len(stages)-1)
	var d dockerfile
	needed := map[int]bool{}
	var need func(n int)
	need = func(n int) {
		if needed[n] || n == 0 {
			return
		}
		needed[n] = true
		lines := strings.Join(stages[n].lines, "\n")
		d.text += lines + "\n"
		need(find(stages[n].base, n))
		for _, m := range taken.FindAllStringSubmatch(lines, -1) {
			need(find(m[1], n))
		}
	}
	need(last)
	for n := last; n > 0; n = find(stages[n].base, n) {
		d.base = stages[n].base
		d.commanded = d.commanded || stages[n].commanded
	}
	return d
}
