package challenge

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

var (
	// jailBase is an image by which authors give each connection a sandbox: redpwn's, kCTF's, nsjail's own, and what
	// events have built on them.
	jailBase = regexp.MustCompile(`(?i)^(pwn\.red/jail|([a-z0-9.-]+/)*redpwn/jail|([a-z0-9.-]+/)*kctf-docker/[a-z-]+|([a-z0-9._-]+/)*[a-z0-9._-]*nsjail[a-z0-9._-]*|` +
		`([a-z0-9.-]+/)*(challenge|chall?)-jail|([a-z0-9.-]+/)*jail)([:@]|$)`)
	// jailProgram is one that a Dockerfile installs or runs.
	jailProgram = regexp.MustCompile(`(?im)^[^#\n]*(\bnsjail\b|/jail/run\b|\bkctf_setup\b)`)
	stage       = regexp.MustCompile(`(?im)^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$`)
)

// isJail says whether what a Dockerfile builds runs in a jail of its author's: its last stage, or the target.
func isJail(dockerfile, target string) bool {
	base, named := "", map[string]string{} // stage → what it is made from
	for _, m := range stage.FindAllStringSubmatch(dockerfile, -1) {
		from := m[1]
		if other, ok := named[strings.ToLower(from)]; ok {
			from = other
		}
		base = from
		if m[2] != "" {
			named[strings.ToLower(m[2])] = from
		}
	}
	if from, ok := named[strings.ToLower(target)]; ok && target != "" {
		base = from
	}
	return jailBase.MatchString(base) || jailProgram.MatchString(dockerfile)
}

// ofJails are the keys of a service, in whatever form, that only a jail's own sandbox needs.
var ofJails = []string{"privileged", "cap_add", "security_opt", "cgroup", "userns_mode"}

// jail gives a service whose image has a jail the stand-in for it, and takes what was refused because only the jail itself
// would have needed it for a note.
func (c *converter) jail(s *instancer.Service, from types.ServiceConfig) {
	if s.Build == nil {
		return
	}
	text := []byte(s.Build.Inline)
	if s.Build.Dockerfile != "" {
		var err error
		if text, err = readLimited(filepath.Join(s.Build.Context, s.Build.Dockerfile), maxFile); err != nil {
			return // told of already
		}
	}
	if !isJail(string(text), from.Build.Target) {
		return
	}
	s.Jail = true
	if !slices.Contains(s.Capabilities, "SYS_CHROOT") {
		s.Capabilities = append(s.Capabilities, "SYS_CHROOT")
	}
	for n := range *c.problems {
		p := &(*c.problems)[n]
		key, ours := strings.CutPrefix(p.Key, "services."+s.Name+".")
		key, _, _ = strings.Cut(key, "[")
		if ours && !p.Note && p.File == c.file && slices.Contains(ofJails, key) {
			p.Note = true
			p.Text = "is left out: Whaley's stand-in for the jail needs no privilege"
		}
	}
	c.note(s.Name, "build", "its jail is replaced by Whaley's stand-in, which runs the program for each connection; see docs/challenges.md, Jails")
}
