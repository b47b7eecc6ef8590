package instancer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// silent is a scoreboard that never learns a flag.
type silent struct{}

func (silent) Flags(context.Context, Owner, *Challenge) ([]string, error) {
	return []string{"FLAG{x}"}, nil
}
func (silent) AwaitLive(ctx context.Context, _ Owner, _ *Challenge) { <-ctx.Done() }

func TestASpawnWaitsTwoSecondsForItsFlagAtMost(t *testing.T) {
	for what, took := range map[string]time.Duration{"at once": 0, "containers took a while": 1500 * time.Millisecond, "containers took long": time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			i := &Instancer{Needs: Needs{Flags: silent{}}}
			asked := time.Now()
			time.Sleep(took)
			i.awaitFlag(t.Context(), &Instance{}, &Challenge{Flag: FlagPlan{Dynamic: true}}, asked)
			if waited, most := time.Since(asked), max(took, 2*time.Second); waited > most {
				t.Errorf("%s: ready %s after its flag was asked for", what, waited)
			}
		})
	}
}
