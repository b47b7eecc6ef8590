//go:build linux

package warden

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/whaley-ctf/whaley/sidecar/internal/survey"
)

const (
	lookEvery = 20 * time.Millisecond // for RUN lines that have begun
	diskEvery = 3 * time.Second       // at what they have written
	diskLooks = 20 * time.Second      // bounds one look
	proc      = "/proc"               // the host's, which this shares
)

// warden is what is to hold now.
type warden struct {
	groups  *groups
	order   Order
	bounded map[string]bool // groups of RUN lines
	every   time.Duration   // between two looks at what they have written
	written func(ctx context.Context, folder string, pids []int) int64

	mu  sync.Mutex
	out *json.Encoder
}

func newWarden(g *groups, out io.Writer) *warden {
	return &warden{
		groups: g, bounded: map[string]bool{}, every: diskEvery, out: json.NewEncoder(out),
		written: func(ctx context.Context, folder string, pids []int) int64 {
			return survey.Written(ctx, Host, folder, proc, pids)
		},
	}
}

// say writes a word. The looks at what was written say theirs beside the orders'.
func (w *warden) say(word Word) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Encode(word)
}

// Serve carries out orders until there are no more; then nothing is bounded.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	g, err := find(Groups, proc+"/self/cgroup")
	if err != nil {
		return err
	}
	return newWarden(g, out).serve(ctx, in)
}

func (w *warden) serve(ctx context.Context, in io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer w.free()
	var beside sync.WaitGroup
	defer beside.Wait()
	defer cancel()
	orders, broken := make(chan Order), make(chan error, 1)
	go func() {
		lines := json.NewDecoder(in)
		for {
			var o Order
			if err := lines.Decode(&o); err != nil {
				broken <- err
				return
			}
			select {
			case orders <- o:
			case <-ctx.Done():
				return
			}
		}
	}()
	look, disk := time.NewTicker(lookEvery), time.NewTicker(w.every)
	defer look.Stop()
	defer disk.Stop()
	looking, looked := false, make(chan error, 1)
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-broken:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("read an order: %w", err)
		case o := <-orders:
			if err := w.say(w.obey(o)); err != nil {
				return err
			}
		case <-look.C:
			w.look()
		case <-disk.C:
			if looking {
				continue
			}
			// A RUN that has written many files takes long to measure, and the next is to be bounded meanwhile.
			looking = true
			runs, order := slices.Sorted(maps.Keys(w.bounded)), w.order
			beside.Go(func() { looked <- w.disk(ctx, runs, order) })
		case err := <-looked:
			if looking = false; err != nil {
				return err
			}
		}
	}
}

// obey bounds all RUN lines together, before the first of them begins.
func (w *warden) obey(o Order) Word {
	w.order = o
	if w.groups.own {
		if err := w.groups.make(); err != nil {
			return Word{Error: err.Error()}
		}
		if err := w.groups.limit(w.groups.above, o.Limits.times(max(o.Builds, 1))); err != nil {
			return Word{Error: err.Error()}
		}
	}
	w.look()
	return Word{Done: true}
}

// look bounds each RUN that has begun since.
func (w *warden) look() {
	there := map[string]bool{}
	for _, run := range w.groups.runs() {
		there[run] = true
		if !w.bounded[run] && w.groups.limit(run, w.order.Limits) == nil { // else it is being made, or ending
			w.bounded[run] = true
		}
	}
	for run := range w.bounded {
		if !there[run] {
			delete(w.bounded, run)
		}
	}
}

// disk ends each of these RUNs that has written too much.
func (w *warden) disk(ctx context.Context, runs []string, order Order) error {
	most := order.Limits.Disk
	for _, run := range runs {
		pids := w.groups.pids(run)
		if most <= 0 || len(pids) == 0 {
			continue
		}
		looking, cancel := context.WithTimeout(ctx, diskLooks)
		wrote := w.written(looking, order.Folder, pids)
		cancel()
		if wrote <= most {
			continue
		}
		if err := w.say(Word{Wrote: wrote}); err != nil {
			return err
		}
		for began := time.Now(); len(pids) > 0 && time.Since(began) < diskLooks; pids = w.groups.pids(run) {
			for _, pid := range pids {
				_ = unix.Kill(pid, unix.SIGKILL) // or it has ended
			}
			time.Sleep(lookEvery)
		}
	}
	return nil
}

// free takes all bounds away from who builds after us.
func (w *warden) free() {
	for _, group := range append(w.groups.runs(), w.groups.above) {
		if group == w.groups.above && !w.groups.own {
			continue
		}
		if err := w.groups.limit(group, Limits{}); err != nil && !errors.Is(err, fs.ErrNotExist) {
			_ = w.say(Word{Error: err.Error()})
		}
	}
}
