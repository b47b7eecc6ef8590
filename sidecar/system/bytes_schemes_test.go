package system

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// asSpoken has services that speak HTTP/2 without TLS and TLS, with a client as gRPC's, and an upload that takes its
// time. On the way of an instance that sleeps each is the first request.
func asSpoken(t *testing.T, ways []*way) {
	tries := map[string]func(w *way, at seat) error{
		"a conversation by h2c":   func(w *way, at seat) error { return w.converse(at, "h2c", "HTTP/2.0 false") },
		"a conversation by https": func(w *way, at seat) error { return w.converse(at, "tls", "HTTP/2.0 true") },
		"a slow upload by h2c":    func(w *way, at seat) error { return w.upload(at, "h2c") },
		"a slow upload by https":  func(w *way, at seat) error { return w.upload(at, "tls") },
	}
	var all sync.WaitGroup
	for what, try := range tries {
		for _, w := range ways {
			all.Go(func() {
				at := w.at
				if w.seats != nil {
					at = <-w.seats
					defer func() {
						if err := w.toSleep(at.player); err != nil {
							t.Errorf("%s: %v", at.player, err)
						}
						w.seats <- at
					}()
				}
				err := try(w, at)
				for end := time.Now().Add(wakeTime); err != nil && strings.Contains(err.Error(), "still_starting") &&
					time.Now().Before(end); {
					err = try(w, at) // as it was asked to, see send
				}
				if err != nil {
					t.Errorf("%s, %s: %v", what, w.name, err)
				}
			})
		}
	}
	all.Wait()
	t.Logf("%d kinds of conversations on %d ways", len(tries), len(ways))
}

// client speaks HTTP/2 with prior knowledge to the edge, or HTTP/1.1, from a player's address.
func (w *way) client(player string, two bool) (*http.Client, func()) {
	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(two)
	protocols.SetHTTP1(!two)
	through := &http.Transport{
		Protocols: protocols, DialContext: func(context.Context, string, string) (net.Conn, error) { return w.dial(player) },
	}
	return &http.Client{Transport: through}, through.CloseIdleConnections
}

// converse hears an answer to each line before it says the next, and the trailer at the end.
func (w *way) converse(at seat, route, want string) error {
	client, end := w.client(at.player, true)
	defer end()
	speak, lines := io.Pipe()
	defer speak.Close()
	r, err := http.NewRequest(http.MethodPost, "http://"+route+"--"+at.host+"/service/Method", speak)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/grpc")
	r.Header.Set("Te", "trailers")
	go fmt.Fprintln(lines, "line 0")
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("X-Said"); got != want {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
		return fmt.Errorf("%d, asked by %q: %s", resp.StatusCode, got, text)
	}
	heard := bufio.NewScanner(resp.Body)
	for n := range 5 {
		if !heard.Scan() || heard.Text() != fmt.Sprint("line ", n) {
			return fmt.Errorf("heard %q after line %d: %v", heard.Text(), n, heard.Err())
		}
		if n < 4 {
			fmt.Fprintln(lines, "line", n+1)
		}
	}
	lines.Close()
	if heard.Scan() || resp.Trailer.Get("Grpc-Status") != "7" {
		return fmt.Errorf("the end is %q, the trailers %v", heard.Text(), resp.Trailer)
	}
	return nil
}

// upload sends in pieces with pauses.
func (w *way) upload(at seat, route string) error {
	client, end := w.client(at.player, false)
	defer end()
	piece := []byte(strings.Repeat("0123456789abcdef", 4<<10))
	const pieces = 8
	hash := sha256.New()
	for range pieces {
		hash.Write(piece)
	}
	read, write := io.Pipe()
	defer read.Close()
	go func() {
		for range pieces {
			if _, err := write.Write(piece); err != nil {
				return
			}
			time.Sleep(200 * time.Millisecond) // what is tried is that it may take long
		}
		write.Close()
	}()
	resp, err := client.Post("http://"+route+"--"+at.host+"/upload", "application/octet-stream", read)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if want := fmt.Sprintf("%d bytes %x <nil>", pieces*len(piece), hash.Sum(nil)); string(got) != want {
		err = errors.Join(err, fmt.Errorf("%d %.300s instead of %s", resp.StatusCode, got, want))
	}
	return err
}
