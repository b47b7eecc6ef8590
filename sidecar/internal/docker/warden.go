package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/whaley-ctf/whaley/sidecar/internal/warden"
)

const (
	wardenPurpose = "warden"
	wardenMemory  = 128 << 20
	obeyTime      = 20 * time.Second
)

// wardens is the container that bounds BuildKit's RUN lines, while there are builds.
type wardens struct {
	mu     sync.Mutex
	conn   *types.HijackedResponse // nil: there is none
	words  chan warden.Word        // answers to orders; closed when it has ended
	folder string

	seen  sync.Mutex
	wrote map[*int64]bool // of each build: bytes by a RUN that was ended for it
}

// holdRuns has the warden bound RUN lines until release is called. wrote is what one has written that was ended for it.
func (e *Engine) holdRuns(ctx context.Context) (wrote func() int64, release func(), err error) {
	w := &e.wardens
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn == nil {
		if err := e.startWarden(ctx); err != nil {
			return nil, nil, err
		}
	}
	one := new(int64)
	if err := w.order(e.builds, w.count(one, true)); err != nil {
		w.count(one, false)
		w.end()
		return nil, nil, err
	}
	wrote = func() int64 {
		w.seen.Lock()
		defer w.seen.Unlock()
		return *one
	}
	return wrote, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if n := w.count(one, false); n == 0 || w.order(e.builds, n) != nil {
			w.end()
		}
	}, nil
}

// count takes a build in or out, and says how many there are.
func (w *wardens) count(one *int64, goes bool) int64 {
	w.seen.Lock()
	defer w.seen.Unlock()
	if w.wrote == nil {
		w.wrote = map[*int64]bool{}
	}
	if goes {
		w.wrote[one] = true
	} else {
		delete(w.wrote, one)
	}
	return int64(len(w.wrote))
}

// end lets the warden end, with the connection to it.
func (w *wardens) end() {
	if w.conn != nil {
		w.conn.Close()
	}
	w.conn = nil
}

// order tells the warden how many builds there are, and waits until it bounds them.
func (w *wardens) order(l BuildLimits, builds int64) error {
	if w.conn == nil {
		return nil // it broke off, and was told of
	}
	order := warden.Order{
		Limits: warden.Limits{Memory: l.MemoryBytes, NanoCPUs: l.NanoCPUs, Pids: l.Pids, Disk: l.DiskBytes},
		Builds: builds, Folder: w.folder,
	}
	if err := json.NewEncoder(w.conn.Conn).Encode(order); err != nil {
		return fmt.Errorf("tell the warden of builds: %w", err)
	}
	select {
	case word, there := <-w.words:
		switch {
		case !there:
			return errors.New("the warden of builds has ended")
		case word.Error != "":
			return fmt.Errorf("the warden of builds: %s", word.Error)
		}
		return nil
	case <-time.After(obeyTime):
		return errors.New("the warden of builds does not answer")
	}
}

// hear reads what the warden says until it ends.
func (w *wardens) hear(said io.Reader, words chan<- warden.Word) {
	defer close(words)
	for lines := json.NewDecoder(said); ; {
		var word warden.Word
		if lines.Decode(&word) != nil {
			return
		}
		if word.Wrote == 0 {
			select {
			case words <- word:
			default: // nothing was asked
			}
			continue
		}
		w.seen.Lock()
		for one := range w.wrote { // which of them it was of shows: it fails
			*one = word.Wrote
		}
		w.seen.Unlock()
	}
}

// startWarden starts one, in the place of one that a sidecar before made and did not start.
func (e *Engine) startWarden(ctx context.Context) error {
	o, err := e.startOnlooker(ctx, onlooker{
		// Files of all users; other users' processes, and what they have open; ending these.
		purpose: wardenPurpose, memory: wardenMemory, capabilities: []string{"DAC_READ_SEARCH", "SYS_PTRACE", "SYS_ADMIN", "KILL"},
		groups: container.CgroupnsModeHost,
		mounts: []mount.Mount{{Type: mount.TypeBind, Source: "/sys/fs/cgroup", Target: warden.Groups}},
	})
	if err != nil {
		return err
	}
	conn := o.conn
	w, words := &e.wardens, make(chan warden.Word, 1)
	w.conn, w.words, w.folder = &conn, words, o.folder
	go func() {
		w.hear(o.printed, words)
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.conn == &conn { // it has ended by itself
			e.log.Error("the warden of builds has ended: what RUN lines use is not bounded for a moment")
			w.end()
		}
	}()
	return nil
}
