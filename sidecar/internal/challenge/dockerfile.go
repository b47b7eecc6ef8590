package challenge

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/moby/patternmatcher/ignorefile"
)

// checkDockerfile looks at a build's Dockerfile and .dockerignore. Whatever a RUN does is held by the build's network and
// limits; what ADD fetches is fetched by the engine, from the host's own place in the network.
func (c *converter) checkDockerfile(service, context, dockerfile string) {
	name, err := filepath.Rel(filepath.Dir(c.dir), dockerfile)
	if err != nil {
		name = filepath.Base(dockerfile)
	}
	text, err := readLimited(dockerfile, maxFile)
	if err != nil {
		c.refuse(service, "build.dockerfile", "%s", err)
		return
	}
	for _, line := range fetching(text) {
		c.problems.add(name, line, "ADD", "is not allowed with an address: the engine would fetch it from the host's own place in "+
			"the network. Fetch it with RUN wget or curl, or put the file into the challenge and COPY it. What a variable names must not begin with it")
	}
	text, err = readLimited(filepath.Join(context, ".dockerignore"), maxCompose)
	if os.IsNotExist(err) {
		return
	}
	if err == nil {
		var patterns []string
		if patterns, err = ignorefile.ReadAll(bytes.NewReader(text)); err == nil && len(patterns) > maxItems {
			c.refuse(service, "build.context", ".dockerignore has %d patterns; it may have %d", len(patterns), maxItems)
		}
	}
	if err != nil {
		c.refuse(service, "build.context", ".dockerignore cannot be read: %s", err)
	}
}

// fetching are the lines of a Dockerfile at which an ADD begins that may be of an address. It errs on the safe side:
// where a file says what its lines go on after, they may go on after a backslash too, and what stands in a here-document
// counts.
func fetching(dockerfile []byte) []int {
	found := map[int]bool{}
	escapes := []string{`\`}
	if escaping.Match(dockerfile) {
		escapes = append(escapes, "`")
	}
	for _, escape := range escapes {
		instruction, begun := "", 0
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
			if fetches(instruction) {
				found[begun] = true
			}
			begun = 0
		}
		if fetches(instruction) && begun > 0 {
			found[begun] = true
		}
	}
	if bytes.Contains(dockerfile, []byte("<<")) { // which line ends a here-document is not looked at
		for n, text := range strings.Split(string(dockerfile), "\n") {
			if fetches(text) {
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

// fetches says whether an instruction may fetch something.
func fetches(instruction string) bool {
	m := adding.FindStringSubmatch(instruction)
	if m == nil {
		return false
	}
	words := strings.FieldsFunc(m[2], func(r rune) bool { return strings.ContainsRune(" \t\r\n\v\f,[]", r) })
	for n, word := range words {
		word = strings.ToLower(quoting.Replace(word))
		if n == len(words)-1 || strings.HasPrefix(word, "--") {
			continue // where it is put, and flags
		}
		if address.MatchString(word) {
			return true
		}
		// What a variable may complete to an address.
		before, _, variable := strings.Cut(word, "$")
		for _, scheme := range []string{"http://", "https://", "git://", "ssh://", "git@"} {
			if variable && strings.HasPrefix(scheme, before) {
				return true
			}
		}
	}
	return false
}
