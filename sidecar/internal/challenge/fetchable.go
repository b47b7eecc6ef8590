package challenge

import (
	"regexp"
	"strings"
)

// publicPlace is an address that the engine may fetch from the host's own place in the network: by https, so that no
// other can answer in its name, and at hosts that never send whoever asks to where an author wants.
var publicPlace = regexp.MustCompile(`(?i)^https://(github\.com|raw\.githubusercontent\.com|codeload\.github\.com|dl\.google\.com|files\.pythonhosted\.org|` +
	`registry\.npmjs\.org|nodejs\.org|deb\.debian\.org|dl-cdn\.alpinelinux\.org|static\.rust-lang\.org|` +
	`repo1\.maven\.org|repo\.maven\.apache\.org|archive\.apache\.org|dlcdn\.apache\.org|fill-data\.papermc\.io|cdn\.kernel\.org|www\.python\.org)(/[a-z0-9._~%+=@-]+)+$`)

// IsPublic says whether an address is of a public place. A repository is none: what it names would be fetched with it.
func IsPublic(address string) bool {
	return publicPlace.MatchString(address) && !strings.HasSuffix(strings.ToLower(address), ".git")
}

// settings are the variables that a stage of a Dockerfile has set to plain values so far. Those of the image that it is
// made from are not known, and arguments can be overruled by these.
type settings map[string]string

var (
	settingLine = regexp.MustCompile(`(?i)^\s*ENV\s+([A-Z_][A-Z0-9_]*)[ \t=]+["']?([A-Z0-9._+-]+)["']?\s*$`)
	anySetting  = regexp.MustCompile(`(?is)^\s*(FROM|ENV)\b(.*)$`)
	filledIn    = regexp.MustCompile(`\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))`)
)

// follow takes in what an instruction sets.
func (s settings) follow(instruction string) {
	m := (phrase{anySetting, []string{"from", "env"}}).find(instruction)
	switch plain := settingLine.FindStringSubmatch(instruction); {
	case m == nil:
	case strings.EqualFold(m[1], "FROM"):
		clear(s)
	case plain != nil:
		s[plain[1]] = plain[2]
	default: // several at once, or made of others
		for name := range s {
			if strings.Contains(m[2], name) {
				delete(s, name)
			}
		}
	}
}

// fill puts the variables that are known into a text.
func (s settings) fill(text string) string {
	return filledIn.ReplaceAllStringFunc(text, func(use string) string {
		if value, known := s[strings.Trim(use, "${}")]; known {
			return value
		}
		return use
	})
}
