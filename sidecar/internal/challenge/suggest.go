package challenge

import (
	"fmt"
	"strconv"
	"strings"
)

// choice is a list of what a value can be, for people.
func choice(all []string) string {
	quoted := make([]string, len(all))
	for n, text := range all {
		quoted[n] = strconv.Quote(text)
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " or " + quoted[len(quoted)-1]
}

// suggest names the known key that is closest to a mistyped one, or all.
func suggest(key string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := distance(key, k); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return "it has " + strings.Join(known, ", ")
}

// distance is how many characters must be changed, added, left out or swapped with the next to make b of a.
func distance(a, b string) int {
	if len(a) > 40 {
		return len(a)
	}
	rows := make([][]int, len(a)+1)
	for n := range rows {
		rows[n] = make([]int, len(b)+1)
		rows[n][0] = n
	}
	for m := range rows[0] {
		rows[0][m] = m
	}
	for n := 1; n <= len(a); n++ {
		for m := 1; m <= len(b); m++ {
			differs := 1
			if a[n-1] == b[m-1] {
				differs = 0
			}
			rows[n][m] = min(rows[n-1][m]+1, rows[n][m-1]+1, rows[n-1][m-1]+differs)
			if n > 1 && m > 1 && a[n-1] == b[m-2] && a[n-2] == b[m-1] {
				rows[n][m] = min(rows[n][m], rows[n-2][m-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
