//go:build linux

package warden

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	out     *json.Encoder
}

func newWarden(g *groups, out io.Writer) *warden {
	return &warden{groups: g, bounded: map[string]bool{}, out: json.NewEncoder(out)}
}

// Serve carries out orders until there are no more; then nothing is bounded.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	g, err := find(Groups, proc+"/self/cgroup")
	if err != nil {
		return err
	}
	return serve(ctx, g, in, out)
}

func serve(ctx context.Context, g *groups, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := newWarden(g, out)
	defer w.free()
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
	look, disk := time.NewTicker(lookEvery), time.NewTicker(diskEvery)
	defer look.Stop()
	defer disk.Stop()
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
			if err := w.out.Encode(w.obey(o)); err != nil {
				return err
			}
		case <-look.C:
			w.look()
		case <-disk.C:
			if err := w.disk(ctx); err != nil {
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

// disk ends each RUN that has written too much.
func (w *warden) disk(ctx context.Context) error {
	most := w.order.Limits.Disk
	for run := range w.bounded {
		pids := w.groups.pids(run)
		if most <= 0 || len(pids) == 0 {
			continue
		}
		looking, cancel := context.WithTimeout(ctx, diskLooks)
		wrote := survey.Written(looking, Host, w.order.Folder, proc, pids)
		cancel()
		if wrote <= most {
			continue
		}
		if err := w.out.Encode(Word{Wrote: wrote}); err != nil {
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
			_ = w.out.Encode(Word{Error: err.Error()})
		}
	}
}
