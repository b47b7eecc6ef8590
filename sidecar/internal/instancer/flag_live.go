package instancer

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// flagWait is how long after it asked for its flag a spawn waits for the scoreboard to know it. Mostly that is over
// before the containers have started.
const flagWait = 2 * time.Second

// awaitFlag gives the scoreboard its time to learn an owner's flag. A player who is faster, or a scoreboard that is
// down, is no reason to have no instance.
func (i *Instancer) awaitFlag(ctx context.Context, in *whaley.Instance, ch *whaley.Challenge, asked time.Time) {
	if !ch.Flag.Dynamic {
		return
	}
	ctx, cancel := context.WithDeadline(ctx, asked.Add(flagWait))
	defer cancel()
	i.Flags.AwaitLive(ctx, in.Owner, ch)
}
