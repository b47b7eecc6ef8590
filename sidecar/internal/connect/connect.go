package connect

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	every   = time.Minute      // between two looks at what is in CTFd
	patient = 30 * time.Second // for its answers
)

// Memory is the name in the database of what was written into CTFd.
const Memory = "ctfd_written"

// Scoreboard is what is asked of CTFd.
type Scoreboard interface {
	Pages(ctx context.Context) ([]whaley.ScoreboardPage, error)
	Page(ctx context.Context, id int) (whaley.ScoreboardPage, error)
	AddPage(ctx context.Context, p whaley.ScoreboardPage) (whaley.ScoreboardPage, error)
	ChangePage(ctx context.Context, p whaley.ScoreboardPage) error
	RemovePage(ctx context.Context, id int) error
	// PageShown is a page as browsers get it.
	PageShown(ctx context.Context, route string) (string, error)
	Details(ctx context.Context) ([]whaley.ScoreboardDetails, error)
	Detail(ctx context.Context, challenge int) (whaley.ScoreboardDetails, error)
	SetConnectionInfo(ctx context.Context, challenge int, text string) error
	Setting(ctx context.Context, key string) (string, error)
	SettingLately(ctx context.Context, key string) (string, error) // what it was a moment ago
	ChangeSetting(ctx context.Context, key, value string) error
}

// Store knows which challenge is which of CTFd's, and remembers what was written there.
type Store interface {
	Mappings(ctx context.Context) ([]*whaley.Mapping, error)
	ChangeMeta(ctx context.Context, name string, change func(now string) string) error
}

// Options are the settings of a Connection.
type Options struct {
	Dashboard string // where players find Whaley, without a slash at the end
	Public    string // where players find CTFd, likewise
}

// Connection is what Whaley has in CTFd. Make it with New.
type Connection struct {
	ctfd  Scoreboard
	store Store
	opts  Options
	log   *slog.Logger
	now   atomic.Pointer[Standing]
}

// Standing is how it stands with all of it, as last seen.
type Standing struct {
	SignIn SignIn
	Window bool            // instances are shown in CTFd's challenge window
	Links  map[string]Link // by our challenges, and challenge/part, those that are mapped
}

// written is what Whaley has written into CTFd, and so may write again.
type written struct {
	Page    int               `json:"page"`    // id, 0: none
	Sent    string            `json:"sent"`    // as what is in the page
	Content string            `json:"content"` // of the page as CTFd stored it
	Links   map[string]string `json:"links"`   // challenge, or challenge/part → text
}

// New makes a Connection.
func New(ctfd Scoreboard, store Store, opts Options, log *slog.Logger) *Connection {
	opts.Dashboard, opts.Public = strings.TrimRight(opts.Dashboard, "/"), strings.TrimRight(opts.Public, "/")
	c := &Connection{ctfd: ctfd, store: store, opts: opts, log: log}
	c.now.Store(&Standing{})
	return c
}

// Standing is what was seen last.
func (c *Connection) Standing() Standing { return *c.now.Load() }

// Run looks at CTFd again and again until ctx ends, and repairs what Whaley wrote there.
func (c *Connection) Run(ctx context.Context) error {
	if before, err := c.recall(ctx); err == nil && before.Page != 0 {
		c.now.Store(&Standing{SignIn: c.signIn(SignInStands, "")}) // until CTFd says otherwise
	}
	failed := false
	for {
		err := c.Look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !failed:
			c.log.Warn("what whaley wrote into ctfd not looked at", "err", err)
		case err == nil && failed:
			c.log.Info("what whaley wrote into ctfd is looked at again")
		}
		failed = err != nil
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return nil
		}
	}
}

// Look sees how it stands in CTFd and repairs what Whaley itself wrote: a link that was emptied, a page of an earlier
// version.
func (c *Connection) Look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	before, err := c.recall(ctx)
	if err != nil {
		return err
	}
	signIn, err := c.lookAtPage(ctx, before)
	if err != nil {
		return err
	}
	links, err := c.lookAtLinks(ctx, before)
	if err != nil {
		return err
	}
	shown, err := c.lookAtWindow(ctx)
	if err != nil {
		return err
	}
	c.now.Store(&Standing{SignIn: signIn, Window: shown, Links: links})
	return nil
}

// recall reads what was written.
func (c *Connection) recall(ctx context.Context) (written, error) {
	var now written
	err := c.remember(ctx, func(w *written) { now = *w })
	return now, err
}

// remember changes what is known to have been written.
func (c *Connection) remember(ctx context.Context, change func(*written)) error {
	return c.store.ChangeMeta(ctx, Memory, func(text string) string {
		w := written{}
		if text != "" && json.Unmarshal([]byte(text), &w) != nil {
			w = written{} // of another version: then nothing there is ours
		}
		if w.Links == nil {
			w.Links = map[string]string{}
		}
		change(&w)
		next, err := json.Marshal(w)
		if err != nil {
			return text
		}
		return string(next)
	})
}
