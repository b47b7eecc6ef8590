package cheating

import (
	"regexp"
	"strings"
)

var hexRun = regexp.MustCompile(`[0-9a-fA-F]{16,}`)

// tokens are the parts of what a player submitted that may be the random part of a flag, in lower case. That part
// alone is looked for: a flag with another prefix, without its brace or in another case still is that flag.
func tokens(provided string) []string {
	var found []string
	for _, run := range hexRun.FindAllString(provided, -1) {
		if len(run) == 16 || len(run) == 32 {
			found = append(found, strings.ToLower(run))
		}
	}
	return found
}
