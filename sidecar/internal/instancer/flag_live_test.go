package instancer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// silent is a scoreboard that never learns a flag.
type silent struct{}

func (silent) Flags(context.Context, whaley.Owner, *whaley.Challenge) ([]string, error) {
	return []string{"FLAG{x}"}, nil
}
func (silent) Spare(*whaley.Challenge) []*whaley.IssuedFlag                       { return nil }
func (silent) AwaitLive(ctx context.Context, _ whaley.Owner, _ *whaley.Challenge) { <-ctx.Done() }

func TestASpawnWaitsTwoSecondsForItsFlagAtMost(t *testing.T) {
	for what, took := range map[string]time.Duration{
		"at once": 0, "containers took a while": 1500 * time.Millisecond, "containers took long": time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			i := &Instancer{Needs: Needs{Flags: silent{}}}
			asked := time.Now()
			time.Sleep(took)
			i.awaitFlag(t.Context(), &whaley.Instance{}, &whaley.Challenge{Flag: whaley.FlagPlan{Dynamic: true}}, asked)
			if waited, most := time.Since(asked), max(took, 2*time.Second); waited > most {
				t.Errorf("%s: ready %s after its flag was asked for", what, waited)
			}
		})
	}
}
