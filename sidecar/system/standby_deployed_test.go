package system

import (
	"strings"
	"testing"
)

// TestAStandbyIsOneLineOfEnv asks docker compose how it starts both sidecars and what Traefik knows of them.
func TestAStandbyIsOneLineOfEnv(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	if env := d.started("traefik").Environment; strings.Contains(env["WHALEY_PUBLIC_URL"]+env["WHALEY_INTERNAL_URL"], ",") {
		t.Errorf("Traefik knows of a standby that there is not: %v", env)
	}
	d.add("COMPOSE_PROFILES=standby")
	d.prepare()
	active, standby, traefik := d.started("sidecar"), d.started("standby"), d.started("traefik").Environment
	for setting, in := range map[string]string{"LISTEN": "WHALEY_PUBLIC_URL", "INTERNAL_LISTEN": "WHALEY_INTERNAL_URL"} {
		want := "http://" + active.Environment[setting] + ",http://" + standby.Environment[setting]
		if traefik[in] != want || active.Environment[setting] == standby.Environment[setting] {
			t.Errorf("%s is %q instead of %q", in, traefik[in], want)
		}
	}
	own := map[string]bool{"LISTEN": true, "INTERNAL_LISTEN": true, "WAKE_LISTEN": true}
	for setting, value := range active.Environment {
		if (standby.Environment[setting] != value) != own[setting] {
			t.Errorf("%s is %q at one and %q at the other", setting, value, standby.Environment[setting])
		}
	}
	if len(standby.Volumes) != len(active.Volumes) || len(standby.Secrets) != len(active.Secrets) {
		t.Errorf("the standby has %v %v, the other %v %v", standby.Volumes, standby.Secrets, active.Volumes, active.Secrets)
	}
	d.prepare() // which changes nothing any more
	if again := d.started("traefik").Environment; again["WHALEY_PUBLIC_URL"] != traefik["WHALEY_PUBLIC_URL"] {
		t.Errorf("%q after another make up", again["WHALEY_PUBLIC_URL"])
	}
}
