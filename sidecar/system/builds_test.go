package system

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// TestARunOfABuildReachesTheWorldAndNotTheHost has RUN lines of Dockerfiles try addresses: of both builders, on the network
// that holds them, and on the engine's own, which shows that there is something to be reached.
func TestARunOfABuildReachesTheWorldAndNotTheHost(t *testing.T) {
	startOutside(t)
	bait := service(t)
	metadata := "169.254.169.254:80"
	host := []string{"$gateway:" + bait, net.JoinHostPort(hostAddress(t), bait), "172.17.0.1:" + bait, "203.0.113.1:" + bait}
	world := outside + ":8080"
	try := "gateway=$(ip route | sed -n 's/^default via \\([0-9.]*\\).*/\\1/p'); for at in " + strings.Join(append(host, metadata, world), " ") +
		"; do { if nc -w 5 ${at%:*} ${at#*:} </dev/null >/dev/null; then echo \"$at reached\"; else echo \"$at kept away\"; fi; } >>/answers & done; wait\n"
	files := map[string]string{
		"classic":  "FROM busybox:1.36\nRUN " + try + "COPY server /server\nCMD [\"/server\"]\n",
		"buildkit": "FROM busybox:1.36\nRUN --mount=type=tmpfs,target=/nothing " + try + "COPY server /server\nCMD [\"/server\"]\n",
	}
	for _, network := range []string{"guarded", "engine"} {
		t.Run(network, func(t *testing.T) {
			challenges := t.TempDir()
			for builder, text := range files {
				dir := filepath.Join(challenges, builder)
				// The setting makes these two other files, else the second network is given the images of the first.
				writeFixture(t, dir, fixture{})
				write(t, filepath.Join(dir, "Dockerfile"), strings.Replace(text, "RUN ", "ENV NETWORK="+network+"\nRUN ", 1))
			}
			s := start(t, "embedded", challenges, "BUILD_NETWORK="+network)
			for builder := range files {
				s.running(alice, builder)
				got := s.inside(builder, "read", "path", "/answers")
				t.Logf("%s, %s:\n%s", network, builder, got)
				if strings.Count(got, "\n") != len(host)+2 {
					t.Errorf("not all is tried:\n%s", got)
				}
				wantHost, wantWorld := network == "engine", network == "engine" || builder == "classic"
				if reached := strings.Count(got, ":"+bait+" reached\n"); wantHost != (reached == len(host)) || !wantHost && reached > 0 {
					t.Errorf("%d of the %d addresses of the host are reached", reached, len(host))
				}
				if reached := strings.Contains(got, world+" reached\n"); reached != wantWorld {
					t.Errorf("the world is reached: %t", reached)
				}
				if network == "guarded" && strings.Contains(got, metadata+" reached\n") {
					t.Error("metadata is reached")
				}
			}
		})
	}
}
