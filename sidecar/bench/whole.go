package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

const (
	echoes   = 200 // messages of one connection in one round
	download = 100 // megabytes
)

// whole is what goes through each way besides short requests: a websocket's echo, message by message, and a download.
func whole(ctx context.Context, ways []*routed, rounds int, r *results) error {
	var echo, load []contender
	for _, w := range ways {
		echo = append(echo, contender{w.name, w.echo})
		load = append(load, contender{w.name, w.download})
	}
	rounds = max(3, rounds/4)
	echoed, err := turns(ctx, rounds, echo)
	if err != nil {
		return err
	}
	loaded, err := turns(ctx, rounds, load)
	if err != nil {
		return err
	}
	for _, w := range ways {
		mb := download / percentile(loaded[w.name], 50).Seconds()
		if w != ways[0] {
			r.ratio(
				"path_"+w.name+"_websocket_time_over_plain",
				float64(percentile(echoed[w.name], 50))/float64(percentile(echoed[ways[0].name], 50)),
			)
			r.ratio("path_"+w.name+"_download_over_plain", mb*percentile(loaded[ways[0].name], 50).Seconds()/download)
		}
		r.milliseconds("path_"+w.name+"_websocket_echo_ms", percentile(echoed[w.name], 50)/echoes)
		r.value("path_"+w.name+"_download_mb_per_s", int(mb))
	}
	return nil
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
	c, _, err := websocket.Dial(ctx, "ws://"+w.host+"/ws", &websocket.DialOptions{HTTPClient: client}) //nolint:bodyclose // the library takes it over
	if err != nil {
		return 0, err
	}
	defer c.CloseNow() //nolint:errcheck // all was echoed, or told
	began := time.Now()
	for n := range echoes {
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

func (w *routed) download(ctx context.Context) (time.Duration, error) {
	client := w.client()
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(
		ctx, http.MethodGet, fmt.Sprintf("http://%s/bytes?mb=%d", w.host, download), nil,
	)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	answer, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	n, err := io.Copy(io.Discard, answer.Body)
	if err == nil && n != download<<20 {
		err = fmt.Errorf("%s: %d bytes of %d came through", w.name, n, download<<20)
	}
	return time.Since(began), err
}
