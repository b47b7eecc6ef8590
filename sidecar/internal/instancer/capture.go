package instancer

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// captureTime is the longest that taking an instance down waits for what its containers printed to be kept.
const captureTime = 2 * time.Second

// capture keeps what an instance printed, if somebody wants that.
func (i *Instancer) capture(ctx context.Context, in *whaley.Instance, reason string) {
	if i.Forensics == nil || whaley.Synthetic(in.Owner.ID) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, captureTime)
	defer cancel()
	i.Forensics.Capture(ctx, in, reason)
}
