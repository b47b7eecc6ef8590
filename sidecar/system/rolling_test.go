package system

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// TestARollingRestartLosesNoHeldRequest restarts two sidecars behind one Traefik, one after the other, while requests wait
// for instances that take six seconds to get ready.
func TestARollingRestartLosesNoHeldRequest(t *testing.T) {
	t.Parallel()
	url := testkit.StartPostgres(t)
	shared := []string{"DATABASE_URL=" + url, "SECRET=what both of the sidecars derive from, 40 b", "SUBNET_POOL=10.192.16.0/22"}
	second := testkit.FreeAddress(t)
	one := startStack(t, &stack{peers: []string{second}}, "127.0.0.1", "traefik", writeFixtures(t, "slow"), shared...)
	two := *one
	two.log, two.internal, two.public = &testkit.Log{}, second, testkit.FreeAddress(t)
	two.env = append(append([]string{}, one.env...), "LISTEN="+two.public, "INTERNAL_LISTEN="+second, "WAKE_LISTEN=", "DATA_DIR="+t.TempDir())
	two.serve()
	t.Cleanup(func() { two.terminate() })

	body := strings.Repeat("all of it", 10_000)
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(body)))
	var all sync.WaitGroup
	for _, player := range owners {
		address := one.address(player, "slow")
		for range 5 {
			all.Go(func() {
				got, err := one.try(player, "POST", address+"/echo", strings.NewReader(body))
				if err != nil || got.Status != http.StatusOK || !strings.Contains(got.Body, sum) {
					t.Errorf("%s: %d %.200s %v", player, got.Status, got.Body, err)
				}
			})
		}
	}
	one.eventually("all three are being started", 40*time.Second, func() error {
		for _, player := range owners {
			if one.live(player, "slow") == nil {
				return fmt.Errorf("%s has none", player)
			}
		}
		return nil
	})
	for _, s := range []*stack{one, &two} {
		if err := s.terminate(); err != nil {
			t.Errorf("ending: %v", err)
		}
		s.serve()
	}
	all.Wait()
	for _, player := range owners {
		if in := one.live(player, "slow"); in == nil || len(containers(t, in.ID)) != 1 {
			t.Errorf("%s has %+v", player, in)
		}
	}
}
