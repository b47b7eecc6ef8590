package challenge

import (
	"regexp"
	"strings"
	"testing"
)

// The engine's own form of a repository's name.
var repository = regexp.MustCompile(`^whaley/[a-z0-9]+(-[a-z0-9]+|__?[a-z0-9]+|\.[a-z0-9]+)*$`)

func TestEveryServiceHasAnImageOfItsOwn(t *testing.T) {
	seen := map[string]string{}
	for _, service := range []string{
		"web", "WEB", "Web", "web_", "web-", "web.", "w-eb", "w_eb", "w__eb", "w.eb", "w._eb", "w--eb", "weB", "w", "W", "-",
		"_", "a" + strings.Repeat("b", 62),
	} {
		name, tag, _ := strings.Cut(imageName("a-challenge", service, "0123456789abcdef"), ":")
		if !repository.MatchString(name) || tag != "0123456789abcdef" {
			t.Errorf("%q has the image %q:%q", service, name, tag)
		}
		if other, taken := seen[name]; taken {
			t.Errorf("%q and %q are both %s", service, other, name)
		}
		seen[name] = service
	}
	if seen["whaley/a-challenge-web"] != "web" {
		t.Error("a plain name is not the image's")
	}
}
