package challenge

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Settings is where organisers' settings of challenges are kept, and which revisions these had.
type Settings interface {
	ChallengeSettings(ctx context.Context) (map[string]whaley.ChallengeSetting, error)
	// Record writes an event; one without a type is about what the organiser does whose line goes with ctx.
	Record(ctx context.Context, ev whaley.Event) error
	SetChallenge(ctx context.Context, c whaley.ChallengeSetting, ev whaley.Event) error
	ForgetChallenge(ctx context.Context, challenge string) error
	// NoteRevisions is told which revisions are loaded; what it knows already is no news. It returns the challenges of
	// whose revision KeepRevisionFiles is still to be told what is in it.
	NoteRevisions(ctx context.Context, loaded []whaley.Revision) ([]string, error)
	KeepRevisionFiles(ctx context.Context, challenge, revision, files string) error
}

// Library is the set of loaded challenges of a folder of folders.
type Library struct {
	dir       string
	defaults  atomic.Pointer[Defaults]
	revisions *revisions // nil: challenges are used where they lie
	settings  Settings   // nil: there are none

	drafts   string     // where drafts are; empty: there are none
	drafting sync.Mutex // one look at drafts at a time, before changing
	trying   sync.Map   // id → *whaley.Challenge: what is tried of drafts

	changing sync.Mutex // files, settings or what is loaded: one change at a time
	loaded   atomic.Pointer[snapshot]
}

// snapshot is what is loaded. It is never changed; a reload makes another one.
type snapshot struct {
	byID    map[string]*whaley.Challenge
	order   []*whaley.Challenge
	entries []Entry // by folder
}

// Entry is one folder and what became of it.
type Entry struct {
	Folder   string                  // in CHALLENGES_DIR, with slashes
	ID       string                  // of the challenge; of one that never was good, made of the folder
	Loaded   *whaley.Challenge       // what players get; nil: nothing
	Problems []Problem               // of what the folder holds now; Loaded is then an earlier revision
	Notes    []Problem               // of what the folder holds now
	Setting  whaley.ChallengeSetting // what organisers have set
	Unbuilt  string                  // the folder's revision, if its images could not be made and Loaded is the last that was built

	plain *whaley.Challenge // as its files say
	found []Problem         // in the files alone
}

var _ instancer.Challenges = (*Library)(nil)

// NewLibrary makes an empty one; Reload fills it.
func NewLibrary(dir string, defaults Defaults) *Library {
	l := &Library{dir: dir}
	l.defaults.Store(&defaults)
	l.loaded.Store(&snapshot{})
	return l
}

// SetDefaults changes what holds where a challenge says nothing, from the next Reload on.
func (l *Library) SetDefaults(defaults Defaults) { l.defaults.Store(&defaults) }

// Defaults are what challenges are held to.
func (l *Library) Defaults() Defaults { return *l.defaults.Load() }

// Most are the limits that no instance of any challenge goes beyond, whatever its files or organisers say; 0: none.
func (l *Library) Most() whaley.Limits { return l.defaults.Load().Limits }

// KeepRevisions makes the library work with copies in a folder of its own instead of with what organisers edit.
func (l *Library) KeepRevisions(dir string) error {
	var err error
	l.revisions, err = openRevisions(dir)
	return err
}

// EarlierBytes is how much of each challenge's earlier revisions a server keeps for rolling back.
const EarlierBytes = 256 << 20

// KeepEarlier has so many bytes of each challenge's latest revisions stay although nothing uses them. It comes after
// KeepRevisions.
func (l *Library) KeepEarlier(bytes int64) { l.revisions.earlier = bytes }

// UseSettings makes the library apply what organisers have set.
func (l *Library) UseSettings(s Settings) { l.settings = s }

// Reload reads all folders again and returns what is wrong with the broken ones. Of these the last good revision
// stays; a challenge whose folder is gone is gone. The error is about the folder of folders only.
func (l *Library) Reload(ctx context.Context) ([]Problem, error) {
	return l.reloadAll(ctx, cause{origin: whaley.OriginFiles})
}

// ReloadBy is Reload for an organiser.
func (l *Library) ReloadBy(ctx context.Context, by string) ([]Problem, error) {
	return l.reloadAll(ctx, cause{whaley.OriginReload, by})
}

func (l *Library) reloadAll(ctx context.Context, why cause) ([]Problem, error) {
	l.changing.Lock()
	defer l.changing.Unlock()
	return l.reload(ctx, "", why)
}

// cause is what the history says of a revision that is loaded now.
type cause struct {
	origin whaley.Origin
	by     string // the organiser, if it is one
}

// reload is Reload of one folder, or (empty) of all. It is called with changing locked.
func (l *Library) reload(ctx context.Context, only string, why cause) ([]Problem, error) {
	found, err := folders(l.dir)
	if err != nil {
		return nil, fmt.Errorf("CHALLENGES_DIR: %w", err)
	}
	dir, err := filepath.Abs(l.dir)
	if err != nil {
		return nil, err
	}
	before := map[string]Entry{}
	for _, e := range l.loaded.Load().entries {
		before[e.Folder] = e
	}
	var entries []Entry
	for n, name := range found {
		was, known := before[name]
		switch {
		case n == maxFolders:
			entries = append(entries, Entry{Folder: name, found: Problems{{File: name,
				Text: fmt.Sprintf("is not loaded, nor what follows: CHALLENGES_DIR has more than %d folders", maxFolders)}}})
		case known && only != "" && only != name:
			entries = append(entries, was)
		default:
			entries = append(entries, l.take(ctx, dir, name, was))
		}
	}
	return l.install(ctx, entries, why)
}

// take reads one folder. Of a broken one it keeps what was good before.
func (l *Library) take(ctx context.Context, dir, folder string, was Entry) Entry {
	e := Entry{Folder: folder}
	ch, problems := l.load(ctx, filepath.Join(dir, folder), folder)
	e.plain = ch
	if ch == nil {
		e.plain = was.plain
	} else {
		notes := Problems(notesOf(ch))
		tellFlagless(ch, filepath.Base(folder), *l.defaults.Load(), &notes)
		problems = notes
	}
	e.found, e.Notes = Split(inFolder(folder, problems))
	if e.plain == nil && l.revisions != nil {
		if copied := l.revisions.last(e.Folder, goodFile); copied != "" {
			e.plain, _ = Load(ctx, copied, *l.defaults.Load()) // what is wrong with what the folder holds now is what counts
		}
	}
	return e
}

func (l *Library) load(ctx context.Context, path, folder string) (ch *whaley.Challenge, problems []Problem) {
	unreadable := func(err error) []Problem {
		return []Problem{{File: filepath.Base(path), Text: fmt.Sprintf("cannot be read: %s", err)}}
	}
	defer func() {
		if p := recover(); p != nil { // a fault of ours or of a parser's, which is this challenge's trouble only
			ch, problems = nil, unreadable(fmt.Errorf("%v\n%s", p, debug.Stack()))
		}
	}()
	dir, fresh := path, false
	if l.revisions != nil {
		var err error
		if dir, fresh, err = l.revisions.keep(ctx, path); err != nil {
			return nil, unreadable(err)
		}
	}
	ch, err := Load(ctx, dir, *l.defaults.Load())
	switch {
	case err != nil && fresh:
		if dropped := l.revisions.drop(dir); dropped != nil {
			return nil, unreadable(dropped)
		}
		fallthrough
	case err != nil:
		return nil, err.(Problems) // Load promises it
	case l.revisions != nil:
		if err := l.revisions.remember(dir, folder, goodFile); err != nil {
			return nil, unreadable(err)
		}
	}
	return ch, nil
}

// install gives every id to one folder, the one that has it already if there is such a one, applies settings, and puts
// all in place in one step.
func (l *Library) install(ctx context.Context, entries []Entry, why cause) ([]Problem, error) {
	settings := map[string]whaley.ChallengeSetting{}
	if l.settings != nil {
		var err error
		if settings, err = l.settings.ChallengeSettings(ctx); err != nil {
			return nil, err
		}
	}
	has := map[string]string{} // id → folder
	for _, e := range l.loaded.Load().entries {
		if e.Loaded != nil {
			has[e.ID] = e.Folder
		}
	}
	next := &snapshot{byID: map[string]*whaley.Challenge{}, entries: slices.Clone(entries)}
	slices.SortFunc(next.entries, func(a, b Entry) int { return cmp.Compare(a.Folder, b.Folder) })
	for n := range next.entries {
		e := &next.entries[n]
		e.Problems, e.Loaded, e.ID, e.Setting = slices.Clone(e.found), nil, nameless(e.Folder), whaley.ChallengeSetting{}
	}
	owner := map[string]string{}
	for _, first := range []bool{true, false} { // those that have their id already, then the others
		for n := range next.entries {
			e := &next.entries[n]
			if e.plain == nil || (has[e.plain.ID] == e.Folder) != first {
				continue
			}
			if other, taken := owner[e.plain.ID]; taken {
				e.Problems = append(e.Problems, Problem{File: e.Folder + "/" + definitionFile, Line: idLine(e.plain.Dir), Key: "id",
					Text: fmt.Sprintf("%q is the id of %s already; every challenge needs its own", e.plain.ID, other)})
				continue
			}
			owner[e.plain.ID] = e.Folder
			e.ID, e.Setting = e.plain.ID, settings[e.plain.ID]
			e.Loaded = withSetting(e.plain, e.Setting, l.Most())
			next.byID[e.ID] = e.Loaded
			next.order = append(next.order, e.Loaded)
		}
	}
	slices.SortFunc(next.order, func(a, b *whaley.Challenge) int {
		return cmp.Or(cmp.Compare(a.Category, b.Category), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	if err := l.note(ctx, next, why); err != nil {
		return nil, err
	}
	l.loaded.Store(next)
	var all []Problem
	for _, e := range next.entries {
		all = append(all, e.Problems...)
	}
	return all, nil
}

// note writes down the revisions that are other than before, and what is in them.
func (l *Library) note(ctx context.Context, next *snapshot, why cause) error {
	if l.settings == nil {
		return nil
	}
	before := l.loaded.Load().byID
	var changed []whaley.Revision
	for _, ch := range next.order {
		if was := before[ch.ID]; was == nil || was.Revision != ch.Revision {
			changed = append(changed, whaley.Revision{Challenge: ch.ID, Revision: ch.Revision, Origin: why.origin, By: why.by})
		}
	}
	bare, err := l.settings.NoteRevisions(ctx, changed)
	if err != nil {
		return err
	}
	for _, id := range bare {
		ch := next.byID[id]
		contents, err := contentsOf(ctx, ch.Dir)
		if err != nil {
			next.blame(id, err)
			continue
		}
		if err := l.settings.KeepRevisionFiles(ctx, id, ch.Revision, contents); err != nil {
			return err
		}
	}
	return nil
}

// blame tells of a challenge what stops no other.
func (s *snapshot) blame(id string, err error) {
	for n := range s.entries {
		if e := &s.entries[n]; e.ID == id {
			e.Problems = append(e.Problems, Problem{File: e.Folder, Text: fmt.Sprintf("cannot be read: %s", err)})
		}
	}
}

// withSetting is a challenge as organisers have set it: limits are shared out as the files do, up to the most there may
// be, which may have been more when they were set.
func withSetting(plain *whaley.Challenge, s whaley.ChallengeSetting, most whaley.Limits) *whaley.Challenge {
	if s.Challenge == "" {
		return plain
	}
	ch := *plain
	ch.Inactive = !s.Active
	if !s.OpensAt.IsZero() {
		ch.OpensAt = s.OpensAt
	}
	ch.Services = slices.Clone(plain.Services)
	total := LimitsOf(plain)
	for n := range ch.Services {
		if ch.Services[n].Relay {
			continue
		}
		l := &ch.Services[n].Limits
		for _, part := range []struct {
			value                 *int64
			of, wanted, most, min int64
		}{
			{&l.MemoryBytes, total.MemoryBytes, s.Limits.MemoryBytes, most.MemoryBytes, minMemory},
			{&l.NanoCPUs, total.NanoCPUs, s.Limits.NanoCPUs, most.NanoCPUs, minCPUs},
			{&l.Pids, total.Pids, s.Limits.Pids, most.Pids, minPids},
		} {
			if part.most > 0 {
				part.wanted = min(part.wanted, part.most)
			}
			if part.wanted > 0 && part.of > 0 {
				*part.value = max(part.min, int64(float64(*part.value)*float64(part.wanted)/float64(part.of)))
			}
		}
	}
	return &ch
}

// LimitsOf are what the services of an instance of a challenge may use together; a relay of ours has its own beside
// them.
func LimitsOf(ch *whaley.Challenge) whaley.Limits {
	var total whaley.Limits
	for _, s := range ch.Services {
		if s.Relay {
			continue
		}
		total.MemoryBytes += s.Limits.MemoryBytes
		total.NanoCPUs += s.Limits.NanoCPUs
		total.Pids += s.Limits.Pids
	}
	return total
}

// Get is a challenge by its id, or what is tried of a draft.
func (l *Library) Get(id string) (*whaley.Challenge, bool) {
	if ch, ok := l.loaded.Load().byID[id]; ok {
		return ch, true
	}
	ch, ok := l.trying.Load(id)
	if !ok {
		return nil, false
	}
	return ch.(*whaley.Challenge), true
}

// All lists the challenges by category, then name.
func (l *Library) All() []*whaley.Challenge { return l.loaded.Load().order }

// Entries lists all folders, the broken ones too.
func (l *Library) Entries() []Entry { return l.loaded.Load().entries }

// Prune removes the folders of revisions that are neither loaded nor wanted by keep.
func (l *Library) Prune(keep func(dir string) bool) error {
	if l.revisions == nil {
		return nil
	}
	return l.revisions.prune(func(dir string) bool {
		return keep(dir) ||
			slices.ContainsFunc(l.Tried(), func(ch *whaley.Challenge) bool { return ch.Dir == dir }) ||
			slices.ContainsFunc(l.Entries(), func(e Entry) bool { return e.plain != nil && e.plain.Dir == dir })
	})
}
