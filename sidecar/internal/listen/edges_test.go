package listen

import (
	"os"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/whaley-ctf/whaley/shared/flow"
)

// TestBothEdgesHaveTheSameLimits compares Traefik's configuration with what the embedded edge does.
func TestBothEdgesHaveTheSameLimits(t *testing.T) {
	text, err := os.ReadFile("../../../traefik/traefik.yml")
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		EntryPoints map[string]struct {
			HTTP struct {
				MaxHeaderBytes int `yaml:"maxHeaderBytes"`
			}
			Transport struct {
				RespondingTimeouts struct {
					Read time.Duration `yaml:"readTimeout"`
					Idle time.Duration `yaml:"idleTimeout"`
				} `yaml:"respondingTimeouts"`
			}
		} `yaml:"entryPoints"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	const hold = 45 * time.Second // the plugin's, before a body is read
	for _, name := range []string{"web", "websecure"} {
		point := config.EntryPoints[name]
		if times := point.Transport.RespondingTimeouts; times.Idle != idleTimeout || times.Read < flow.Longest+hold {
			t.Errorf(
				"%s ends idle connections after %s and requests after %s; want %s, and more than %s", name, times.Idle, times.Read,
				idleTimeout, flow.Longest+hold,
			)
		}
		if got := point.HTTP.MaxHeaderBytes; got != maxHeader {
			t.Errorf("%s takes headers of %d bytes, want %d", name, got, maxHeader)
		}
	}
}
