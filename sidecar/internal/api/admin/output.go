package admin

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	defaultTail = 300  // lines
	maxTail     = 5000 // lines
	lineBuffer  = 64   // lines that wait for a slow reader; then the containers' output waits
)

type lineJSON struct {
	Service   string `json:"service"`
	Container string `json:"container"`
	Line      string `json:"line"`
}

// FollowInstance streams what an instance's containers print, the last lines of each first. A line that starts anew in
// a container that was made anew is another container's: the stream ends when all that there were have ended. Of an
// instance that did not start, or ended by itself, it has the last lines that were kept.
func (a Handlers) FollowInstance(w http.ResponseWriter, r *http.Request) error {
	tail, err := tailOf(r)
	if err != nil {
		return err
	}
	in, err := a.Instancer.Any(r.Context(), kit.IDOf(r))
	if err != nil {
		return err
	}
	objects, err := a.Containers.List(r.Context(), in.ID)
	if err != nil {
		return err
	}
	out, err := a.FollowAsAdmin(w, r)
	if err != nil {
		return err
	}
	defer out.Close()
	ctx, cancel := context.WithCancel(out)
	defer cancel()
	lines := make(chan lineJSON, lineBuffer)
	var all sync.WaitGroup
	for _, o := range objects {
		if o.Kind != "container" {
			continue
		}
		all.Go(func() {
			err := a.Containers.Follow(ctx, o.ID, tail, func(line string) error {
				select {
				case lines <- lineJSON{o.Labels.Service, o.Name, line}:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
			if err != nil && ctx.Err() == nil {
				a.Log.Warn("container output stream ended early", "instance", in.ID, "container", o.ID, "err", err)
			}
		})
	}
	if len(objects) == 0 {
		all.Go(func() { a.sayPrinted(ctx, in.ID, lines) })
	}
	go func() {
		all.Wait()
		close(lines)
	}()
	sendLines(out, lines)
	return nil
}

// sayPrinted gives the lines that were kept of an instance whose containers are gone.
func (a Handlers) sayPrinted(ctx context.Context, instance string, lines chan<- lineJSON) {
	printed, err := a.AdminQueries.Printed(ctx, instance)
	if err != nil && ctx.Err() == nil {
		a.Log.Warn("read last output of an instance failed", "instance", instance, "err", err)
	}
	for _, p := range printed {
		for line := range strings.Lines(p.Text) {
			select {
			case lines <- lineJSON{p.Service, "", strings.TrimRight(line, "\r\n")}:
			case <-ctx.Done():
				return
			}
		}
	}
}

func sendLines(out *kit.Stream, lines <-chan lineJSON) {
	if out.Breathe() != nil {
		return
	}
	for {
		select {
		case line, more := <-lines:
			if !more {
				_ = out.Send("end", struct{}{}) // nobody to tell when the reader has gone away
				return
			}
			if out.Put("", "line", line) != nil || len(lines) == 0 && out.Flush() != nil {
				return
			}
		case <-out.Alive.C:
			if out.Breathe() != nil {
				return
			}
		case <-out.Done():
			return
		}
	}
}

func tailOf(r *http.Request) (int, error) {
	text := r.URL.Query().Get("tail")
	if text == "" {
		return defaultTail, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxTail {
		return 0, whaley.Errorf(whaley.Invalid, "tail_invalid", "tail must be a number of lines from 0 to %d.", maxTail)
	}
	return n, nil
}
