package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// reloadEvery is how often settings are read again: a file that one of them names may hold something else.
const reloadEvery = 30 * time.Second

// Store keeps the settings that organisers change; *store.Store is one.
type Store interface {
	Settings(ctx context.Context) (map[string]string, error)
	ChangeSettings(ctx context.Context, by string, change func(now map[string]string) (map[string]string, error)) error
}

// Live is the settings as they are now: what organisers changed, over the environment. What does not go together with
// the environment is never applied.
type Live struct {
	environment map[string]string
	store       Store
	key         []byte // seals secrets in the store
	parse       func(environment map[string]string) (*Config, error)
	log         *slog.Logger

	applying sync.Mutex
	now      atomic.Pointer[Snapshot]
	uses     []func(*Config)
}

// Snapshot is the settings of one moment.
type Snapshot struct {
	Config    *Config
	Overrides map[string]string // what organisers set, by name, in the form of the environment
	Ignored   map[string]string // what is set and not in force, with the reason
	defaults  *Config
	variables map[Variable]string
}

// Environment is a setting's value without what organisers changed.
func (s *Snapshot) Environment(row Setting) string { return s.defaults.Value(row) }

// NewLive reads the settings of the store over an environment that Load has taken. key has 32 bytes.
func NewLive(
	ctx context.Context, environment map[string]string, store Store, key []byte, log *slog.Logger,
) (*Live, error) {
	l := &Live{environment: environment, store: store, key: key, parse: Load, log: log}
	return l, l.Load(ctx)
}

// Now is the settings of this moment.
func (l *Live) Now() *Snapshot { return l.now.Load() }

// Config is Now().Config.
func (l *Live) Config() *Config { return l.Now().Config }

// Use calls f with the settings now and whenever they change, one call at a time.
func (l *Live) Use(f func(*Config)) {
	l.applying.Lock()
	defer l.applying.Unlock()
	l.uses = append(l.uses, f)
	f(l.Config())
}

// Run reads the settings again at intervals until ctx ends.
func (l *Live) Run(ctx context.Context) error {
	again := time.NewTicker(reloadEvery)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-again.C:
		}
		if err := l.Load(ctx); err != nil && ctx.Err() == nil {
			l.log.Error("settings not read again, the last ones stay", "err", err)
		}
	}
}

// Load reads the store again and applies what differs.
func (l *Live) Load(ctx context.Context) error {
	l.applying.Lock()
	defer l.applying.Unlock()
	stored, err := l.store.Settings(ctx)
	if err != nil {
		return err
	}
	defaults, err := l.parse(l.environment)
	if err != nil {
		return err
	}
	l.apply(l.tolerant(stored, defaults))
	return nil
}

// Change sets values by name, or resets those that are nil, all or none. The new whole must pass every check that the
// environment has to pass; the error says all that is wrong.
func (l *Live) Change(ctx context.Context, by string, values map[string]*string) error {
	if err := changeable(values); err != nil {
		return err
	}
	l.applying.Lock()
	defer l.applying.Unlock()
	var next *Snapshot
	err := l.store.ChangeSettings(ctx, by, func(stored map[string]string) (map[string]string, error) {
		for name, value := range values {
			if value == nil {
				delete(stored, name)
				continue
			}
			text := *value
			if row, _ := Find(name); row.Type == TypeSecret {
				sealed, err := seal(l.key, name, text)
				if err != nil {
					return nil, err
				}
				text = sealed
			}
			stored[name] = text
		}
		var wrong error
		if next, wrong = l.read(stored, l.Now().defaults); wrong != nil {
			return nil, &Refused{wrong}
		}
		return stored, nil
	})
	if err == nil {
		l.apply(next)
	}
	return err
}

// Refused is why values cannot be set; its text is for whoever asked.
type Refused struct{ err error }

func (r *Refused) Error() string { return r.err.Error() }
func (r *Refused) Unwrap() error { return r.err }

func changeable(values map[string]*string) error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(values)) {
		row, known := Find(name)
		switch {
		case !known:
			wrong = append(wrong, fmt.Errorf("%s is not a setting", name))
		case !row.Live:
			wrong = append(
				wrong, fmt.Errorf("%s cannot be changed while Whaley runs; set it in the environment and start again", name),
			)
		}
	}
	if len(wrong) > 0 {
		return &Refused{errors.Join(wrong...)}
	}
	return nil
}

// Find is the row of the table with a name.
func Find(name string) (Setting, bool) {
	for _, s := range Table() {
		if s.Name == name {
			return s, true
		}
	}
	return Setting{}, false
}

// opened is what the store holds, with its secrets readable, and why some of it cannot be used.
func (l *Live) opened(stored map[string]string) (values, ignored map[string]string) {
	values, ignored = map[string]string{}, map[string]string{}
	for name, text := range stored {
		if strings.HasPrefix(name, variablePrefix) {
			continue // see variablesIn
		}
		row, known := Find(name)
		if !known || !row.Live {
			ignored[name] = "it cannot be changed while Whaley runs"
			continue
		}
		if row.Type == TypeSecret {
			value, err := unseal(l.key, name, text)
			if err != nil {
				ignored[name] = err.Error()
				continue
			}
			text = value
		}
		values[name] = text
	}
	return values, ignored
}

// read is stored values over the environment; the error is why they do not go together with it.
func (l *Live) read(stored map[string]string, defaults *Config) (next *Snapshot, err error) {
	values, ignored := l.opened(stored)
	next = &Snapshot{Overrides: values, Ignored: ignored, defaults: defaults, variables: l.variablesIn(stored, ignored)}
	next.Config, err = l.parse(over(l.environment, values))
	return next, err
}

// tolerant is read for what is stored already. If it does not go together with the environment, which may be another
// than when it was set, as much as possible is taken and the rest is ignored.
func (l *Live) tolerant(stored map[string]string, defaults *Config) *Snapshot {
	next, err := l.read(stored, defaults)
	if err == nil {
		return next
	}
	taken := map[string]string{}
	next.Config = defaults
	for _, name := range slices.Sorted(maps.Keys(next.Overrides)) {
		with := over(taken, map[string]string{name: next.Overrides[name]})
		if c, err := l.parse(over(l.environment, with)); err != nil {
			next.Ignored[name] = err.Error()
		} else {
			taken, next.Config = with, c
		}
	}
	return next
}

// apply puts what was read in force, and tells loudly what of it is not.
func (l *Live) apply(next *Snapshot) {
	before := l.now.Swap(next)
	if before != nil && maps.Equal(before.Overrides, next.Overrides) && maps.Equal(before.Ignored, next.Ignored) &&
		maps.Equal(before.variables, next.variables) {
		return
	}
	for name, reason := range next.Ignored {
		l.log.Error("setting in the database is ignored", "setting", name, "reason", reason)
	}
	for _, use := range l.uses {
		use(next.Config)
	}
}

// over is one map on top of another.
func over(below, top map[string]string) map[string]string {
	all := maps.Clone(below)
	if all == nil {
		all = map[string]string{}
	}
	for name, value := range top {
		delete(all, name+"_FILE") // a secret's file must not win over what was set
		all[name] = value
	}
	return all
}
