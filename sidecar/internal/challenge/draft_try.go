package challenge

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// tryPrefix begins the ids of what is tried of drafts; what follows cannot be guessed.
const tryPrefix = "draft-"

// TryDraft makes a challenge of a draft as it is now, under an id of its own, which players neither see nor can start.
// It is there until Tried is told to forget it. The error may be Problems.
func (l *Library) TryDraft(ctx context.Context, id string) (*whaley.Challenge, error) {
	l.drafting.Lock()
	defer l.drafting.Unlock()
	d, err := l.draft(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case d.Loaded == nil:
		return nil, Problems(d.Problems)
	case l.revisions == nil:
		return nil, whaley.Errorf(whaley.Unavailable, "revisions_missing", "Revisions of challenges are not kept here.")
	}
	e, _ := l.Find(id) // without one nothing is set
	dir := filepath.Join(l.dir, e.Folder)
	if d.Begun {
		dir = l.draftDir(id, d.Folder)
	}
	copied, _, err := l.revisions.keep(ctx, dir)
	if err != nil {
		return nil, unreachable(err)
	}
	plain, err := Load(ctx, copied, *l.defaults.Load())
	if err != nil {
		return nil, err
	}
	ch := *withSetting(plain, e.Setting, l.Most())
	ch.Of, ch.ID = ch.ID, tryPrefix+strings.ToLower(rand.Text()[:10])
	ch.Inactive, ch.Access = true, whaley.AccessLink // only organisers learn the address, and they have no tickets
	ch.Services = slices.Clone(ch.Services)
	for n := range ch.Services { // images of its own, which go with it
		if rest, ours := strings.CutPrefix(ch.Services[n].Image, "whaley/"+ch.Of+"-"); ours {
			ch.Services[n].Image = "whaley/" + ch.ID + "-" + rest
		}
	}
	l.trying.Store(ch.ID, &ch)
	return &ch, nil
}

// ForgetTry ends that a challenge of TryDraft is there.
func (l *Library) ForgetTry(id string) { l.trying.Delete(id) }

// Tried are the challenges of TryDraft that are still there.
func (l *Library) Tried() (all []*whaley.Challenge) {
	l.trying.Range(func(_, ch any) bool {
		all = append(all, ch.(*whaley.Challenge))
		return true
	})
	return all
}
