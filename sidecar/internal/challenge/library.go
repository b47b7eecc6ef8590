package challenge

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// Library is the set of loaded challenges of a folder of folders.
type Library struct {
	dir      string
	defaults atomic.Pointer[Defaults]
	loaded   atomic.Pointer[shelf]
}

type shelf struct {
	byID  map[string]*instancer.Challenge
	order []*instancer.Challenge
}

var _ instancer.Challenges = (*Library)(nil)

// NewLibrary makes an empty one; Reload fills it.
func NewLibrary(dir string, defaults Defaults) *Library {
	l := &Library{dir: dir}
	l.defaults.Store(&defaults)
	l.loaded.Store(&shelf{})
	return l
}

// SetDefaults changes what holds where a challenge says nothing, from the next Reload on.
func (l *Library) SetDefaults(defaults Defaults) { l.defaults.Store(&defaults) }

// Reload reads all folders again and returns what is wrong with the broken ones. Of these the last good revision
// stays; a challenge whose folder is gone is gone. The error is about the folder of folders only.
func (l *Library) Reload(ctx context.Context) ([]Problem, error) {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, fmt.Errorf("CHALLENGES_DIR: %w", err)
	}
	dir, err := filepath.Abs(l.dir)
	if err != nil {
		return nil, err
	}
	before := l.loaded.Load()
	next := &shelf{byID: map[string]*instancer.Challenge{}}
	var all []Problem
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err != nil || !info.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		ch, err := Load(ctx, path, *l.defaults.Load())
		if err != nil {
			all = append(all, err.(Problems)...) // Load promises it
			ch = lastGood(before, path)
		}
		if ch == nil {
			continue
		}
		if other, taken := next.byID[ch.ID]; taken {
			all = append(all, Problem{File: e.Name() + "/instance.toml", Key: "id",
				Text: fmt.Sprintf("%q is the id of %s already", ch.ID, filepath.Base(other.Dir))})
			continue
		}
		next.byID[ch.ID] = ch
		next.order = append(next.order, ch)
	}
	slices.SortFunc(next.order, func(a, b *instancer.Challenge) int {
		return cmp.Or(cmp.Compare(a.Category, b.Category), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	l.loaded.Store(next)
	return all, nil
}

func lastGood(before *shelf, dir string) *instancer.Challenge {
	for _, ch := range before.order {
		if ch.Dir == dir {
			return ch
		}
	}
	return nil
}

// Get is a challenge by its id.
func (l *Library) Get(id string) (*instancer.Challenge, bool) {
	ch, ok := l.loaded.Load().byID[id]
	return ch, ok
}

// All lists the challenges by category, then name.
func (l *Library) All() []*instancer.Challenge { return l.loaded.Load().order }
