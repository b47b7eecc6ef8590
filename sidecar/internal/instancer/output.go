package instancer

import (
	"context"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// The engine itself reads and writes what containers print, at no cost of theirs: one that prints without end takes a
// whole CPU of the host. Seconds of it are nothing, such as a dump at the start, and neither is a little now and then.
const (
	loudMore = 4 // for a look at which an instance prints too fast
	loudLess = 1 // for every look
	tooLoud  = 12
)

func (i *Instancer) somebodyIsLoud() bool {
	i.diskLook.Lock()
	defer i.diskLook.Unlock()
	return len(i.loud) > 0
}

// checkOutput stops instances that print too fast for too long. One look at a time.
func (i *Instancer) checkOutput(ctx context.Context, disk whaley.Disk, p whaley.Policy) {
	for id := range i.loud {
		if i.loud[id] -= loudLess; i.loud[id] <= 0 {
			delete(i.loud, id)
		}
	}
	if p.Output == 0 {
		return
	}
	for id, w := range disk.Instances {
		if w.Prints <= p.Output {
			continue
		}
		if i.loud[id] += loudMore; i.loud[id] <= tooLoud {
			continue
		}
		delete(i.loud, id)
		i.stopHog(ctx, id, whaley.CauseOutput, whaley.Errorf(whaley.Exhausted, whaley.CauseOutput,
			"The instance was stopped: it printed %d KB a second without end, and may print %d.", w.Prints>>10, p.Output>>10), "a_second", w.Prints)
	}
}
