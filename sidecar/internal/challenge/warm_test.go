package challenge_test

import (
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestWhatIsItsOwnersFromTheStartIsNotWarm(t *testing.T) {
	const plain = "services:\n  web: {image: x}\n"
	for name, c := range map[string]struct {
		toml, compose string
		warm          int
		says          string // of key warm; empty: nothing
	}{
		"nothing is said":  {oneRoute, plain, 0, ""},
		"a number":         {"warm = 3\n" + oneRoute, plain, 3, ""},
		"auto":             {"warm = \"auto\"\n" + oneRoute, plain, whaley.WarmAuto, ""},
		"another word":     {"warm = \"many\"\n" + oneRoute, plain, 0, "refused"},
		"too many":         {"warm = 1001\n" + oneRoute, plain, 0, "refused"},
		"half of one":      {"warm = 0.5\n" + oneRoute, plain, 0, "refused"},
		"a host's name":    {"warm = 1\n" + oneRoute, "services:\n  web: {image: x, environment: {H: \"${HOST_web}\"}}\n", 0, "uses HOST_web"},
		"an address":       {"warm = 1\ninside = false\n" + oneRoute, "services:\n  web: {image: x, command: [\"${URL_web}\"]}\n", 0, "uses URL_web"},
		"inside":           {"warm = 1\ninside = true\n" + oneRoute, plain, 0, "work inside it"},
		"a port":           {"warm = 1\n" + oneRoute + "type = \"port\"\n", plain, 0, "ports of the host"},
		"the flag, its id": {"warm = 1\n" + oneRoute, "services:\n  web: {image: x, environment: {F: \"${FLAG}${INSTANCE_ID}\"}}\n", 1, ""},
	} {
		ch, err := load(t, folder(t, c.toml, c.compose))
		if c.says == "refused" {
			if err == nil || !strings.Contains(err.Error(), "warm") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		said := ""
		for _, n := range ch.Notes {
			if n.Key == "warm" {
				said = n.Text
			}
		}
		if ch.Warm != c.warm || !strings.Contains(said, c.says) || c.says == "" && said != "" {
			t.Errorf("%s: %d are warm, and it says %q", name, ch.Warm, said)
		}
	}
}
