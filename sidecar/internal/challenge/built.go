package challenge

import (
	"context"
	"fmt"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Built is told of each challenge whose images were made: what players go on with should a later revision's not be.
func (l *Library) Built(ch *whaley.Challenge) error {
	l.changing.Lock()
	defer l.changing.Unlock()
	for _, e := range l.Entries() {
		if e.ID == ch.ID && e.Loaded != nil && e.Loaded.Dir == ch.Dir && l.revisions != nil {
			return l.revisions.remember(ch.Dir, e.Folder, builtFile)
		}
	}
	return nil // another revision is loaded by now
}

// NotBuilt is told of a challenge whose images could not be made. The last revision that was built takes its place, and
// the challenge's problems say so; instead is that revision, or empty if there is none. When its folder is read again,
// what that holds is tried again.
func (l *Library) NotBuilt(ctx context.Context, ch *whaley.Challenge, why string) (instead string, err error) {
	l.changing.Lock()
	defer l.changing.Unlock()
	all := l.Entries()
	for n := range all {
		e := &all[n]
		if e.ID != ch.ID || e.Loaded == nil || e.Loaded.Dir != ch.Dir || l.revisions == nil {
			continue
		}
		copied := l.revisions.last(e.Folder, builtFile)
		if copied == "" || copied == ch.Dir {
			return "", nil
		}
		good, err := Load(ctx, copied, *l.defaults.Load())
		if err != nil || good.ID != ch.ID {
			return "", fmt.Errorf("bring back revision %s of %s: %w", copied, ch.ID, err)
		}
		e.plain, e.Notes, e.Unbuilt = good, nil, ch.Revision
		e.found = append(
			e.found,
			Problem{
				File: e.Folder,
				Text: fmt.Sprintf("the images of revision %s could not be made, and players go on with revision %s. "+
					"The log of its build says why; fix it, or press Reload to try again. %s", ch.Revision, good.Revision, why),
			},
		)
		_, err = l.install(ctx, all, cause{origin: whaley.OriginFiles})
		return good.Revision, err
	}
	return "", nil
}
