package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// newCTFd makes a client that takes the key as it is now: from the panel, or from the file that CTFD_API_KEY_FILE
// names.
func newCTFd(c *config.Config, live *config.Live, budget *ctfd.Budget, log *slog.Logger) (*ctfd.Client, error) {
	client, err := ctfd.New(c.CTFdURL, func() string { return string(live.Config().CTFdKey) }, log)
	if err != nil {
		return nil, err
	}
	return client.Within(budget), nil
}

const (
	keyLook   = 15 * time.Second // between two looks whether CTFd takes it
	keyEnds   = time.Hour        // between two looks when it ends
	keyWarned = 7 * 24 * time.Hour
	keyMend   = "Make an access token of an admin with a late end in CTFd (Settings, Access Tokens) and put it into CTFD_API_KEY: in the panel under Settings, no restart is needed."
)

// keyWatch tells organisers that CTFd takes our key no more, or soon will not: their players notice nothing of it until
// somebody new signs in.
type keyWatch struct {
	client *ctfd.Client
	every  time.Duration // between two looks whether CTFd takes our key
	soon   atomic.Pointer[error]
}

// check is red while the key ends soon.
func (k *keyWatch) check() api.Check {
	return api.Check{Name: "ctfd_key", Optional: true, Ping: func(context.Context) error {
		if why := k.soon.Load(); why != nil {
			return *why
		}
		return nil
	}}
}

// pinger says what was wrong with CTFd when it was last looked at.
type pinger interface {
	Ping(ctx context.Context) error
}

func (k *keyWatch) run(ctx context.Context, players pinger, db *store.Store, log *slog.Logger) error {
	refused, warned, next := false, time.Time{}, time.Time{}
	for {
		err := players.Ping(ctx)
		switch now := whaley.CodeOf(err) == ctfd.CodeMisconfigured; {
		case now && !refused:
			log.Error("ctfd refuses CTFD_API_KEY: signed-in players go on, nobody new can sign in", "err", err)
			systemEvent(ctx, db, "ctfd_key_refused", DetailOf(err)+" "+keyMend, log)
			refused = true
		case err == nil && refused:
			systemEvent(ctx, db, "ctfd_key_taken", "CTFd takes CTFD_API_KEY again.", log)
			refused, next = false, time.Time{}
		}
		if err == nil && time.Now().After(next) {
			next = time.Now().Add(keyEnds)
			if ends := k.look(ctx, log); ends != "" && time.Since(warned) > 24*time.Hour {
				systemEvent(ctx, db, "ctfd_key_ends", ends+" "+keyMend, log)
				warned = time.Now()
			}
		}
		select {
		case <-time.After(k.every):
		case <-ctx.Done():
			return nil
		}
	}
}

// look asks when the key ends, and says so if that is soon.
func (k *keyWatch) look(ctx context.Context, log *slog.Logger) (ends string) {
	standing, err := k.client.Standing(ctx)
	if err != nil {
		log.Warn("ctfd does not say when its tokens end", "err", err)
		return ""
	}
	k.soon.Store(nil)
	soon := time.Now().Add(keyWarned)
	if standing.LastEnd.IsZero() || standing.LastEnd.After(soon) {
		return ""
	}
	ends = fmt.Sprintf("CTFD_API_KEY ends on %s.", standing.LastEnd.UTC().Format(time.RFC1123))
	why := errors.New(ends)
	k.soon.Store(&why)
	return ends
}

// DetailOf is what of an error people may read.
func DetailOf(err error) string {
	var e *whaley.Error
	if errors.As(err, &e) {
		return e.Detail
	}
	return err.Error()
}
