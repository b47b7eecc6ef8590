package importer

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// alike is a note of the loader on what looks like a flag and does not begin as FLAG_PREFIX says.
var alike = regexp.MustCompile(`no owner gets a flag of their own of ([A-Za-z0-9_-]{2,24})\{`)

// fewAlike is from how many challenges on it is the event that calls its flags otherwise, and not an author.
const fewAlike = 2

// otherPrefixes says how the flags of challenges begin whose owners get none of their own: most often the whole event's
// do, and one setting gives them to all.
func (r Report) otherPrefixes() []string {
	challenges := map[string]int{}
	for _, one := range r.Results {
		here := map[string]bool{}
		for _, note := range one.Notes {
			if m := alike.FindStringSubmatch(note); m != nil && one.Flag == "none" {
				here[m[1]] = true
			}
		}
		for prefix := range here {
			challenges[prefix]++
		}
	}
	var all []string
	for _, prefix := range slices.SortedFunc(maps.Keys(challenges), func(a, b string) int {
		return cmp.Or(challenges[b]-challenges[a], cmp.Compare(a, b))
	}) {
		if n := challenges[prefix]; n >= fewAlike {
			all = append(all, fmt.Sprintf(
				"%d challenges have what looks like a flag and begins with %s{: FLAG_PREFIX=%s gives each owner one of their own there",
				n, prefix, prefix,
			))
		}
	}
	return all
}
