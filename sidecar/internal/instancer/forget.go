package instancer

import (
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// forgetGone drops what is remembered of instances that live no more.
func (i *Instancer) forgetGone(rows []*whaley.Instance) {
	live := make(map[string]bool, len(rows))
	starting := map[string]bool{}
	for _, in := range rows {
		live[in.ID] = true
		starting[in.ID] = in.State == whaley.Queued || in.State == whaley.Starting
	}
	i.looks.keep(func(id string) bool { return live[id] || i.Busy(id) })
	i.images.disown(func(id string) bool { return !starting[id] && !i.Busy(id) })
	i.mu.Lock()
	defer i.mu.Unlock()
	for key, o := range i.origins {
		// One that began since the rows were read is in none of them.
		if !live[o.instance] && time.Since(o.at) > i.opts.ReconcileEvery {
			delete(i.origins, key)
			o.span.End()
		}
	}
}
