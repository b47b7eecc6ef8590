package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/coder/websocket"
)

const (
	messages = 200 // of one connection in one round
	download = 100 // megabytes
)

// echoes is a websocket's echo, message by message.
func echoes(ctx context.Context, ways []*routed, rounds int, r *results) error {
	var all []contender
	for _, w := range ways {
		all = append(all, contender{w.name, w.echo})
	}
	took, err := turns(ctx, max(3, rounds/4), all)
	if err != nil {
		return err
	}
	for _, w := range ways {
		if w != ways[0] {
			r.ratio("whole_"+w.name+"_websocket_time_over_plain", over(took[w.name], took[ways[0].name]))
		}
		r.milliseconds("whole_"+w.name+"_websocket_echo_ms", percentile(took[w.name], 50)/messages)
	}
	return nil
}

// downloads are large answers. What counts is the median of the rounds' ratios; the processor's time by the edge tells
// two ways apart on a machine that does other things as well.
func downloads(ctx context.Context, ways []*routed, rounds int, r *results) error {
	var all []contending[fetched]
	for _, w := range ways {
		all = append(all, contending[fetched]{w.name, w.download})
	}
	took, err := turns(ctx, rounds, all)
	if err != nil {
		return err
	}
	walls, used := map[string][]time.Duration{}, map[string][]time.Duration{}
	for name, rounds := range took {
		for _, f := range rounds {
			walls[name], used[name] = append(walls[name], f.took), append(used[name], f.used)
		}
	}
	for _, w := range ways {
		if plain := ways[0].name; w.name != plain {
			r.ratio("whole_"+w.name+"_download_over_plain", over(walls[plain], walls[w.name]))
			r.ratio("whole_"+w.name+"_download_processor_over_plain", over(used[w.name], used[plain]))
		}
		r.value("whole_"+w.name+"_download_mb_per_s", int(download/percentile(walls[w.name], 50).Seconds()))
		r.milliseconds("whole_"+w.name+"_download_processor_ms", percentile(used[w.name], 50))
	}
	r.value("whole_downloads_n", rounds)
	return nil
}

// over is how many times longer one took than another in the same round, of the median round.
func over(one, other []time.Duration) float64 {
	var all []float64
	for n := range one {
		all = append(all, float64(one[n])/float64(max(other[n], 1)))
	}
	return median(all)
}

// client leads every name to the edge.
func (w *routed) client() *http.Client {
	return &http.Client{
		Timeout: time.Minute,
		Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, w.address)
		}},
	}
}

func (w *routed) echo(ctx context.Context) (time.Duration, error) {
	client := w.client()
	client.Timeout = 0 // a websocket stays
	defer client.CloseIdleConnections()
	// the library takes it over
	c, _, err := websocket.Dial(ctx, "ws://"+w.host+"/ws", &websocket.DialOptions{HTTPClient: client}) //nolint:bodyclose
	if err != nil {
		return 0, err
	}
	defer c.CloseNow() //nolint:errcheck // all was echoed, or told
	began := time.Now()
	for n := range messages {
		want := fmt.Sprint("message ", n)
		err := c.Write(ctx, websocket.MessageText, []byte(want))
		_, got, readErr := c.Read(ctx)
		if err := errors.Join(err, readErr); err != nil {
			return 0, err
		}
		if string(got) != want {
			return 0, fmt.Errorf("%s: %q came back as %q", w.name, want, got)
		}
	}
	return time.Since(began), nil
}

// fetched is how long a download took, and the processor's time that the edge used for it.
type fetched struct{ took, used time.Duration }

func (w *routed) download(ctx context.Context) (fetched, error) {
	client := w.client()
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(
		ctx, http.MethodGet, fmt.Sprintf("http://%s/bytes?mb=%d", w.host, download), nil,
	)
	if err != nil {
		return fetched{}, err
	}
	before, err := processor(w.pid)
	if err != nil {
		return fetched{}, err
	}
	began := time.Now()
	answer, err := client.Do(request)
	if err != nil {
		return fetched{}, err
	}
	defer answer.Body.Close()
	n, err := io.Copy(io.Discard, answer.Body)
	took := time.Since(began)
	if err == nil && n != download<<20 {
		err = fmt.Errorf("%s: %d bytes of %d came through", w.name, n, download<<20)
	}
	after, usedErr := processor(w.pid)
	return fetched{took, after - before}, errors.Join(err, usedErr)
}

// processor is the processor's time that a process has used, to the nanosecond.
func processor(pid int) (used time.Duration, err error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, path := range threads {
		var on time.Duration
		text, readErr := os.ReadFile(path)
		if readErr == nil {
			_, readErr = fmt.Sscan(string(text), &on)
		}
		err = errors.Join(err, readErr)
		used += on
	}
	return used, err
}
