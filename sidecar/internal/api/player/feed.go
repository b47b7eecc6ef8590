package player

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// feeds are what the pages of an owner follow. However many there are, the owner's list is read and encoded once for
// each change.
type feeds struct {
	ctx     context.Context
	read    func(ctx context.Context, owner string) ([]byte, error)
	changes func(owner string) (<-chan struct{}, func())

	mu  sync.Mutex
	all map[string]*feed
}

// feed is one owner's. It lives for as long as somebody follows it.
type feed struct {
	ask       chan struct{} // somebody new wants to know
	end       context.CancelFunc
	followers int
	latest    *frame
}

// frame is a list as it goes out. next is closed when there is a later one; whoever was slow goes on with the latest.
type frame struct {
	text []byte
	err  error
	next chan struct{}
}

func newFeeds(
	ctx context.Context, changes func(owner string) (<-chan struct{}, func()),
	read func(context.Context, string) ([]byte, error),
) *feeds {
	return &feeds{ctx: ctx, changes: changes, read: read, all: map[string]*feed{}}
}

// join has an owner's list read now, and at each change until leave. The frame is the one before the first to send.
func (s *feeds) join(owner string) (f *feed, before *frame, leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f = s.all[owner]
	if f == nil {
		ctx, end := context.WithCancel(s.ctx)
		f = &feed{ask: make(chan struct{}, 1), end: end, latest: &frame{next: make(chan struct{})}}
		s.all[owner] = f
		changes, done := s.changes(owner)
		go func() {
			defer done()
			s.run(ctx, owner, f, changes)
		}()
	}
	f.followers++
	select {
	case f.ask <- struct{}{}:
	default: // it is about to be read anyway
	}
	return f, f.latest, sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if f.followers--; f.followers == 0 {
			f.end()
			s.forget(owner, f)
		}
	})
}

func (s *feeds) forget(owner string, f *feed) {
	if s.all[owner] == f {
		delete(s.all, owner)
	}
}

// run ends with the first list that cannot be read: who followed asks anew, and gets a feed of their own time.
func (s *feeds) run(ctx context.Context, owner string, f *feed, changes <-chan struct{}) {
	var read time.Time
	for {
		pause := kit.EventPause
		select {
		case <-changes:
		case <-f.ask:
			pause -= time.Since(read)
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		text, err := s.now(ctx, owner)
		read = time.Now()
		s.mu.Lock()
		before := f.latest
		f.latest = &frame{text: text, err: err, next: make(chan struct{})}
		close(before.next)
		if err != nil {
			s.forget(owner, f)
		}
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// now is the list at this moment. A panic is an error of this feed only.
func (s *feeds) now(ctx context.Context, owner string) (text []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("list the instances of %s: panic: %v", owner, p)
		}
	}()
	return s.read(ctx, owner)
}

// current is the latest frame.
func (s *feeds) current(f *feed) *frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f.latest
}

// encoded is an owner's list as GET /instances answers it.
func (a Handlers) encoded(ctx context.Context, owner string) ([]byte, error) {
	list, err := a.list(ctx, whaley.Player{ID: owner, Owner: whaley.Owner{ID: owner}})
	if err != nil {
		return nil, err
	}
	return json.Marshal(list)
}
