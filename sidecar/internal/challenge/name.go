package challenge

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// hostForm is what can be a host's name for the engine's resolver: labels of at most 63 letters, digits, hyphens and
// (as many files have them) underscores. objectForm is the engine's own for what it keeps.
var (
	hostForm = regexp.MustCompile(
		`^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*$`,
	)
	objectForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	containerForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]+$`) // the parser's
)

// hostName says whether a text can be the name of a service on a network: its own, or a further one.
func hostName(name string) bool { return len(name) <= 63 && hostForm.MatchString(name) }

// objectName says whether a text can name a volume, network, config or secret. It becomes part of the names of engine
// objects and of paths, so that it is never "." or "..".
func objectName(name string) bool { return objectForm.MatchString(name) }

// name checks the names that a file's author chooses: they become host names, container names, paths and image tags.
// Names of services that differ in upper and lower case only would be one name on a network.
func (r *reading) name(key *yaml.Node, at, place string) {
	switch place {
	case ".services.*":
		if !hostName(key.Value) {
			r.refuse(
				key, at,
				"%q cannot be the name of a service: it must be a host name of letters, digits, hyphens and underscores, at most 63",
				key.Value,
			)
		}
		for other, line := range r.services {
			if other != key.Value && strings.EqualFold(other, key.Value) {
				r.refuse(
					key, at, "differs from %s on line %d in upper and lower case only, which is one name on a network", other, line,
				)
			}
		}
		if _, known := r.services[key.Value]; !known && len(r.services) == maxServices {
			r.refuse(key, "services", "there are more than %d; a challenge has 1 to %d", maxServices, maxServices)
			r.left.nodes = -1
		}
		r.services[key.Value] = key.Line
	case ".volumes.*", ".networks.*", ".configs.*", ".secrets.*":
		if !objectName(key.Value) {
			r.refuse(
				key, at,
				"%q cannot be a name: it must be of letters, digits, dots, hyphens and underscores, begin with one of the first two, and have at most 63",
				key.Value,
			)
		}
	}
}

// imageName is that of a service's own image, as no other service of any challenge has it: repositories are lower-case.
func imageName(challenge, service, revision string) string {
	plain := strings.Trim(notPlain.ReplaceAllString(strings.ToLower(service), "-"), "-")
	if plain != service {
		sum := sha256.Sum256([]byte(service))
		plain = strings.Trim(plain+"-"+hex.EncodeToString(sum[:4]), "-")
	}
	return "whaley/" + challenge + "-" + plain + ":" + revision
}

var notPlain = regexp.MustCompile(`[^a-z0-9]+`)

// DeriveID makes a challenge's id of a name that may be anything: of "Baby's First Heap" babys-first-heap. Of a name
// without a letter or digit that an id can have it is a sum.
func DeriveID(name string) string {
	plain := strings.NewReplacer("'", "", "’", "").Replace(strings.ToLower(name))
	id := strings.Trim(notPlain.ReplaceAllString(plain, "-"), "-")
	if len(id) > maxID {
		id = strings.Trim(id[:maxID], "-")
	}
	if id == "" {
		sum := sha256.Sum256([]byte(name))
		id = "challenge-" + hex.EncodeToString(sum[:4])
	}
	return id
}

const maxID = 40 // characters
