package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Misspelt is a variable that does nothing, although whoever set it surely meant a setting.
type Misspelt struct {
	Name  string
	Meant []string // settings that it may have been meant for, the likeliest first
	Sure  bool     // it is written nearly like a setting; else it only begins like some
}

// String says what is wrong, without the value: that may be a secret.
func (m Misspelt) String() string {
	text := m.Name + " is not a setting and does nothing"
	switch {
	case m.Sure:
		return text + ": did you mean " + strings.Join(m.Meant, " or ") + "?"
	case len(m.Meant) > 0:
		return text + "; those that begin alike are " + strings.Join(m.Meant, ", ")
	}
	return text + "; docs/settings.md lists all"
}

// ours are beginnings that nobody else's variables have.
var ours = []string{
	"CONTAINER_MAX_", "CTFD_", "DRAIN_", "DYNAMIC_FLAGS_", "FORENSICS_", "MAX_INSTANCES_", "PORT_RANGE_", "SANDBOX_",
	"SPAWN_",
	"SUBNET_", "TRUSTED_", "WEBHOOK_", "WHALEY_",
}

// others are variables of those who live beside the sidecar: of docker-compose.yaml and the scripts, which pass the
// whole .env on, and what container engines and Kubernetes tell of services with our names.
var others = regexp.MustCompile(`^(TLS|TLS_CERT|TLS_KEY|TLS_CA|CERT_RESOLVER|DASHBOARD_HOST|WEB_ADDRESS|TRAEFIK_YML_SUM|WHALEY_CACHE|WHALEY_(PUBLIC|INTERNAL)_URL)$|` +
	`^(WHALEY|TRAEFIK|REDIS|POSTGRES|PROMETHEUS|GRAFANA|PROXY)_(PROJECT|IMAGE|VERSION)$|` +
	`_PORT$|_SERVICE_(HOST|PORT)|_PORT_[0-9]+_(TCP|UDP)|^ACME_|^COMPOSE_|^DOCKER_|^OTEL_`)

// Misspelled finds variables that are no setting and were surely meant to be one, sorted by name. Of all others, which
// an environment is full of, it says nothing.
func Misspelled(environment map[string]string) []Misspelt {
	known := names()
	var all []Misspelt
	for _, name := range slices.Sorted(maps.Keys(environment)) {
		if slices.Contains(known, name) || others.MatchString(name) {
			continue
		}
		if m := meant(name, known); m.Name != "" {
			all = append(all, m)
		}
	}
	return all
}

// names are all variables that are read.
func names() []string {
	var all []string
	for _, s := range Table() {
		all = append(all, s.Name)
		if s.Type == TypeSecret {
			all = append(all, s.Name+"_FILE")
		}
	}
	return all
}

// meant compares a name with all that are known; the result has no name if it is like none of them.
func meant(name string, known []string) Misspelt {
	is := strings.TrimPrefix(strings.ToUpper(strings.ReplaceAll(name, "-", "_")), "WHALEY_")
	if like := alike(is, known); len(like) > 0 {
		return Misspelt{name, like, true}
	}
	if base, file := strings.CutSuffix(is, "_FILE"); file { // which only secrets have
		if like := alike(base, known); len(like) > 0 {
			return Misspelt{name, like, true}
		}
	}
	for _, prefix := range ours {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		begin := slices.DeleteFunc(slices.Clone(known), func(k string) bool { return !strings.HasPrefix(k, prefix) })
		return Misspelt{name, begin, false}
	}
	return Misspelt{}
}

// alike are those that a name is written nearly like, or is the beginning of, the likeliest first.
func alike(name string, known []string) []string {
	like := slices.DeleteFunc(slices.Clone(known), func(k string) bool {
		return !near(name, k) && (!strings.Contains(name, "_") || !strings.HasPrefix(k, name+"_"))
	})
	slices.SortStableFunc(like, func(a, b string) int { return distance(name, a) - distance(name, b) })
	return like
}

// near says whether a name is a slip of the keyboard away from a setting, or has the same words in another order.
func near(name, setting string) bool {
	allowed := 0 // of so few letters other words consist
	switch {
	case len(setting) >= 9:
		allowed = 2
	case len(setting) >= 6:
		allowed = 1
	}
	if apart(name, setting) > allowed {
		return false
	}
	return distance(name, setting) <= allowed || distance(inOrder(name), inOrder(setting)) <= min(allowed, 1)
}

// apart is how many letters at least have to change, whatever their order: quickly counted, and enough for nearly all
// names.
func apart(a, b string) int {
	var letters [256]int
	for i := range len(a) {
		letters[a[i]]++
	}
	for i := range len(b) {
		letters[b[i]]--
	}
	more, fewer := 0, 0
	for _, n := range letters {
		more, fewer = more+max(n, 0), fewer+max(-n, 0)
	}
	return max(more, fewer)
}

func inOrder(name string) string {
	words := strings.Split(name, "_")
	slices.Sort(words)
	return strings.Join(words, "_")
}

// distance is how many letters have to be put in, left out, replaced, or swapped with the next to make one of the
// other.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			row[j+1] = min(last[j+1], row[j]) + 1
			if a[i] == b[j] {
				row[j+1] = min(row[j+1], last[j])
			} else {
				row[j+1] = min(row[j+1], last[j]+1)
			}
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
