package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"
	"golang.org/x/sys/unix"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	lookEvery = 200 * time.Millisecond  // of a standby
	beatEvery = 500 * time.Millisecond  // of the active one
	validFor  = 2 * time.Second         // after a beat; then another may be active
	deadAfter = 2500 * time.Millisecond // without a beat; more than validFor
	beatTime  = 1500 * time.Millisecond // of one beat
)

// ErrTakenOver means that another process is the active one now.
var ErrTakenOver = errors.New("another sidecar has taken over")

// ErrFolderInUse means that another process works with the folder of a SQLite database.
var ErrFolderInUse = errors.New("another process uses this folder")

// Active is the right of one process at a time to work with a database. With PostgreSQL it is a lock that goes with its
// connection, so that the next one has it as soon as this process ends, however it ends; one that hangs loses it after
// deadAfter. What a process writes after another has taken over is refused by its epoch. With SQLite it is a lock on
// the folder.
type Active struct {
	store  *Store
	log    *slog.Logger
	folder *os.File // SQLite
	link   *link    // PostgreSQL

	began  time.Time
	beaten atomic.Int64  // when it was last sure to be active, since began; 0: it is not
	lost   chan struct{} // closed when another has taken over
	end    context.CancelFunc
	ended  chan struct{}
	once   sync.Once
}

// BecomeActive waits until this process is the active one, then brings the tables up to date. A standby changes
// nothing, so that one of a newer version may wait for an older one to end.
func (s *Store) BecomeActive(ctx context.Context, log *slog.Logger) (*Active, error) {
	a := &Active{store: s, log: log, began: time.Now(), lost: make(chan struct{}), ended: make(chan struct{})}
	acquire, keep := a.lockFolder, a.keepFolder
	if s.postgres() {
		a.link = &link{store: s, log: log}
		acquire, keep = a.link.acquire, a.keepLink
	}
	waited := false
	for {
		ok, err := acquire(ctx)
		if err != nil && !waited {
			return nil, fmt.Errorf("become the active sidecar: %w", err)
		}
		if ok {
			break
		}
		if !waited {
			log.Info("standby: another sidecar is active")
			waited = true
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			a.drop()
			return nil, ctx.Err()
		}
	}
	if err := a.takeOver(ctx); err != nil {
		a.drop()
		return nil, err
	}
	if waited {
		log.Info("active: the other sidecar has gone", "epoch", s.epoch.Load())
	}
	keeping, end := context.WithCancel(context.WithoutCancel(ctx))
	a.end = end
	go func() {
		defer close(a.ended)
		keep(keeping)
	}()
	return a, nil
}

func (a *Active) takeOver(ctx context.Context) error {
	if err := a.store.update(ctx); err != nil {
		return err
	}
	if a.link == nil {
		return nil
	}
	asked := a.now()
	epoch, err := a.link.takeOver(ctx)
	if err != nil {
		return fmt.Errorf("take over from the sidecar that was active: %w", err)
	}
	a.store.epoch.Store(epoch)
	a.beaten.Store(asked)
	return nil
}

// Valid refuses with CodeStandby what another process may be doing by now. It asks nobody: this is for what does not go
// through the database, where the epoch would refuse it.
func (a *Active) Valid() error {
	if a.link == nil {
		return nil
	}
	if beaten := a.beaten.Load(); beaten != 0 && a.now()-beaten < int64(validFor) {
		return nil
	}
	return notActive()
}

func notActive() error {
	return whaley.Errorf(whaley.Unavailable, whaley.CodeStandby,
		"This sidecar is not the active one. Try again in a few seconds.").After(time.Second)
}

// Lost is closed when another process has taken over.
func (a *Active) Lost() <-chan struct{} { return a.lost }

// Release lets a standby take over. Call it once nothing works any more; more than once does no harm.
func (a *Active) Release() {
	a.once.Do(func() {
		a.end()
		<-a.ended
		a.beaten.Store(0)
		a.drop()
	})
}

func (a *Active) drop() {
	if a.link != nil {
		a.link.close()
	}
	if a.folder != nil {
		a.folder.Close() // which ends the lock
	}
}

// now is a clock that goes on while the process is stopped, and is never set.
func (a *Active) now() int64 { return int64(time.Since(a.began)) + 1 }

func (a *Active) lockFolder(context.Context) (bool, error) {
	f, err := LockFolder(a.store.dir)
	if errors.Is(err, ErrFolderInUse) {
		return false, nil
	}
	a.folder = f
	return err == nil, err
}

func (a *Active) keepFolder(ctx context.Context) { <-ctx.Done() }

// keepLink beats until ctx ends or another process has taken over.
func (a *Active) keepLink(ctx context.Context) {
	for ctx.Err() == nil {
		asked := a.now()
		switch mine, err := a.link.beat(ctx, a.store.epoch.Load()); {
		case err == nil && mine:
			a.beaten.Store(asked)
		case err == nil:
			a.beaten.Store(0)
			close(a.lost)
			return
		case ctx.Err() == nil:
			a.beaten.Store(0)
			a.log.Warn("heartbeat of the active sidecar not written; nothing is changed until it is", "err", err)
		}
		a.link.wait(ctx, beatEvery)
	}
}

// lockName is the file in a folder with a SQLite database that the active process has locked.
const lockName = "lock"

// LockFolder keeps other processes away from a folder with a SQLite database.
func LockFolder(dir string) (*os.File, error) { return LockFile(filepath.Join(dir, lockName)) }

// LockFile has a lock until the file is closed or this process ends, however it ends. ErrFolderInUse if another has it.
func LockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock a file: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrFolderInUse
		}
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return f, nil
}

// fence refuses a transaction of a process that is not the active one any more. The row stays locked against the next
// one's taking over until the transaction ends, but not against beats, which change no key.
func (s *Store) fence(ctx context.Context, tx bun.Tx) error {
	epoch := s.epoch.Load()
	if epoch == 0 {
		return nil // SQLite, whose folder is locked; or a command beside the sidecar
	}
	var found int64
	err := tx.QueryRowContext(ctx, "SELECT epoch FROM active WHERE epoch = ? FOR KEY SHARE", epoch).Scan(&found)
	if isNoRow(err) {
		return notActive()
	}
	return err
}
