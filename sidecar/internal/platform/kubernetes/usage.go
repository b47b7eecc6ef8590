package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// usageTime bounds one look at a container: the next round comes anyway.
const usageTime = 5 * time.Second

// Usage says what a container uses, by its guest, which reads its own cgroup: that needs no right on nodes. What several
// containers of a Pod have in common, its network, each of them says. One that is gone is CodeObjectMissing.
func (p *Platform) Usage(ctx context.Context, id string) (whaley.Usage, error) {
	ctx, cancel := context.WithTimeout(ctx, usageTime)
	defer cancel()
	k, err := p.find(ctx, id)
	if err != nil {
		return whaley.Usage{}, err
	}
	now, err := p.guests(ctx, k.at, k.key, guest.Request{Do: guest.Count})
	switch {
	case errors.Is(err, guest.ErrAway):
		return whaley.Usage{}, whaley.Errorf(whaley.Unavailable, whaley.CodeObjectMissing, "The container does not answer.").Because(err)
	case err != nil:
		return whaley.Usage{}, fmt.Errorf("what %s uses: %w", id, err)
	case now.Use == nil:
		return whaley.Usage{}, fmt.Errorf("what %s uses: its node shows it no cgroup", id)
	}
	u := now.Use
	return whaley.Usage{
		At: time.Now(), CPU: u.CPU, Memory: u.Memory, MemoryLimit: u.Limit, NetworkIn: u.In, NetworkOut: u.Out,
		BlockRead: u.Read, BlockWrite: u.Written, Pids: u.Pids,
	}, nil
}
