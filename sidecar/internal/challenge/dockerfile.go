package challenge

import (
	"bytes"
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// dockerfile finds a build's Dockerfile, a file of the challenge or a text of the compose file, and looks at it and at
// what the build is to ignore. Whatever a RUN does is held by the build's network and limits; what ADD fetches is
// fetched by the engine, from the host's own place in the network.
func (c *converter) dockerfile(s types.ServiceConfig, b *whaley.Build) bool {
	if b.Inline = s.Build.DockerfileInline; b.Inline != "" {
		for _, line := range fetching([]byte(b.Inline)) {
			key := "services." + s.Name + ".build.dockerfile_inline"
			c.problems.add(c.file, c.at.of(key)+line, key, "%s", addOfAddress)
		}
		for _, line := range privileged([]byte(b.Inline)) {
			key := "services." + s.Name + ".build.dockerfile_inline"
			c.problems.add(c.file, c.at.of(key)+line, key, "%s", runOfTheHost)
		}
		return c.checkIgnored(s.Name, b.Context, ".dockerignore")
	}
	path := DockerfileOf(b.Context, s.Build.Dockerfile)
	real, err := inside(c.dir, path)
	if err != nil || isFolder(real) {
		c.refuse(s.Name, "build.dockerfile", "there is no file %q in the challenge's folder", filepath.Base(path))
		return false
	}
	text, err := readLimited(real, maxFile)
	if err != nil {
		c.refuse(s.Name, "build.dockerfile", "%s", err)
		return false
	}
	name, err := filepath.Rel(filepath.Dir(c.dir), real)
	if err != nil {
		name = filepath.Base(real)
	}
	for _, line := range fetching(text) {
		c.problems.add(name, line, "ADD", "%s", addOfAddress)
	}
	for _, line := range privileged(text) {
		c.problems.add(name, line, "RUN", "%s", runOfTheHost)
	}
	if b.Dockerfile, err = filepath.Rel(b.Context, real); err != nil || !filepath.IsLocal(b.Dockerfile) {
		b.Dockerfile, b.Inline = "", string(text) // beside the context: Compose sends it too
	}
	return c.checkIgnored(s.Name, b.Context, b.Dockerfile+".dockerignore") &&
		c.checkIgnored(s.Name, b.Context, ".dockerignore")
}

// DockerfileOf is the path of a build's Dockerfile. As for the engine, one that is called Dockerfile may be in lower
// case.
func DockerfileOf(context, named string) string {
	path := absolute(context, cmp.Or(named, "Dockerfile"))
	if _, err := os.Lstat(path); filepath.Base(path) == "Dockerfile" && os.IsNotExist(err) {
		if lower := filepath.Join(filepath.Dir(path), "dockerfile"); isRegular(lower) {
			return lower
		}
	}
	return path
}

const runOfTheHost = "is not allowed with --security=insecure, --network=host or --device: it would have the host's rights, network or devices while the image is " +
	"built. Leave the option out; a build reaches the Internet without it"

// asksForHost finds a RUN that asks for more than a build has. No builder here gives it; an author is to know before.
var asksForHost = regexp.MustCompile(
	`(?im)^[ \t]*(ONBUILD[ \t]+)*RUN(([ \t]|\\[ \t]*\r?\n)+--\S+)*?([ \t]|\\[ \t]*\r?\n)+--(security=["']?insecure|network=["']?host|device=)`,
)

// privileged are the lines of a Dockerfile at which such a RUN begins.
func privileged(dockerfile []byte) (all []int) {
	for _, at := range asksForHost.FindAllIndex(dockerfile, -1) {
		all = append(all, bytes.Count(dockerfile[:at[0]], []byte("\n"))+1)
	}
	return all
}

const addOfAddress = "is not allowed with an address: the engine would fetch it from the host's own place in the network. " +
	"Fetch it with RUN wget or curl, or put the file into the challenge and COPY it. " +
	"Public places that lead nowhere else are allowed by https: github.com, raw.githubusercontent.com, dl.google.com and the like"

// checkIgnored reads the patterns of what a build leaves out, if there is such a file.
func (c *converter) checkIgnored(service, context, name string) bool {
	path, err := inside(c.dir, filepath.Join(context, name))
	if os.IsNotExist(err) {
		return true
	}
	var text []byte
	if err == nil {
		text, err = readLimited(path, maxCompose)
	}
	if err == nil {
		var patterns []string
		if patterns, err = ignorefile.ReadAll(bytes.NewReader(text)); err == nil && len(patterns) > maxItems {
			c.refuse(service, "build.context", "%s has %d patterns; it may have %d", name, len(patterns), maxItems)
		}
	}
	if err != nil {
		c.refuse(service, "build.context", "%s cannot be read: %s", name, err)
	}
	return err == nil
}

// fetching are the lines of a Dockerfile at which an ADD begins that is of an address. It errs on the safe side:
// where a file says what its lines go on after, they may go on after a backslash too, and what stands in a
// here-document counts.
func fetching(dockerfile []byte) []int {
	found := map[int]bool{}
	escapes := []string{`\`}
	if escaping.Match(dockerfile) {
		escapes = append(escapes, "`")
	}
	for _, escape := range escapes {
		instruction, begun, known := "", 0, settings{}
		for n, text := range strings.Split(strings.TrimPrefix(string(dockerfile), "\ufeff")+"\n", "\n") {
			trimmed := strings.TrimSpace(text)
			if begun > 0 && (trimmed == "" || strings.HasPrefix(trimmed, "#")) {
				continue // neither ends an instruction
			}
			if begun == 0 {
				instruction, begun = "", n+1
			}
			before, on := strings.CutSuffix(strings.TrimRight(text, " \t\r\v\f"), escape)
			instruction += before
			if on {
				continue
			}
			if fetches(instruction, known) {
				found[begun] = true
			}
			known.follow(instruction)
			begun = 0
		}
		if fetches(instruction, known) && begun > 0 {
			found[begun] = true
		}
	}
	if bytes.Contains(dockerfile, []byte("<<")) { // which line ends a here-document is not looked at
		for n, text := range strings.Split(string(dockerfile), "\n") {
			if fetches(text, nil) {
				found[n+1] = true
			}
		}
	}
	lines := make([]int, 0, len(found))
	for n := range strings.Count(string(dockerfile), "\n") + 2 {
		if found[n] {
			lines = append(lines, n)
		}
	}
	return lines
}

var (
	adding   = regexp.MustCompile(`(?is)^\s*(ONBUILD\s+)*ADD\s+(.*)$`)
	address  = regexp.MustCompile(`(?i)^([a-z][a-z0-9+.-]*:|[a-z0-9_.-]+@[a-z0-9.-]+:)`)
	escaping = regexp.MustCompile(`(?im)^\s*#\s*escape\s*=`)
	quoting  = strings.NewReplacer(`"`, "", `'`, "", `\`, "", "`", "")
)

// fetches says whether an instruction fetches something. What only a variable makes an address of shows when it is
// built: the engine's BuildKit builds that, and each address is looked at before it is fetched.
func fetches(instruction string, known settings) bool {
	m := (phrase{adding, []string{"add"}}).find(instruction)
	if m == nil {
		return false
	}
	words := strings.FieldsFunc(m[2], func(r rune) bool { return strings.ContainsRune(" \t\r\n\v\f,[]", r) })
	for n, word := range words {
		as := quoting.Replace(word)
		word = strings.ToLower(as)
		if n == len(words)-1 || strings.HasPrefix(word, "--") {
			continue // where it is put, and flags
		}
		if IsPublic(known.fill(as)) {
			continue
		}
		if address.MatchString(word) || strings.Contains(word, "://") {
			return true
		}
		before, _, variable := strings.Cut(word, "$")
		for _, scheme := range []string{"http://", "https://", "git://", "ssh://", "git@"} {
			if variable && before != "" && strings.HasPrefix(scheme, before) {
				return true
			}
		}
	}
	return false
}
