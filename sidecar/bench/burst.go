package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	requests = 50        // at once to one host that sleeps
	upload   = 100 << 10 // bytes that each carries
)

// burst is many requests to one sleeping host at once, which must make one instance and all be answered, each of what
// it sent: through the embedded edge and through a real Traefik.
func burst(ctx context.Context, dir string, rounds int, r *results) error {
	fronts, end, err := bothFronts(ctx, dir, 4)
	if err != nil {
		return err
	}
	defer end()
	spawns, answered := map[string]int{}, map[string]int{}
	var contenders []contender
	for _, f := range fronts {
		contenders = append(contenders, contender{f.name, func(ctx context.Context) (time.Duration, error) {
			if err := f.Until(ctx, "sandboxes are ready", f.Ready); err != nil {
				return 0, err
			}
			before, began := f.Counted(), time.Now()
			failed := atOnce(requests, requests, func(n int) error { return f.send(f.URLs["bench"], n) })
			took := time.Since(began)
			if len(failed) > 0 {
				progress("%s: %v", f.name, several(failed))
			}
			answered[f.name] += requests - len(failed)
			err := f.Until(ctx, "it is stopped", func() error { return f.Stop("127.0.0.1") })
			spawns[f.name] += f.Counted() - before
			return took, err
		}})
	}
	n := max(3, rounds/4)
	took, err := turns(ctx, n, contenders)
	if err != nil {
		return err
	}
	for _, f := range fronts {
		r.value("burst_"+f.name+"_spawns_of_each", float64(spawns[f.name])/float64(n+1)) // the one that warms up counts here
		r.value("burst_"+f.name+"_answered_of_50", float64(answered[f.name])/float64(n+1))
		r.value("burst_"+f.name+"_p50_ms", percentile(took[f.name], 50).Milliseconds())
	}
	r.value("burst_n", n)
	return nil
}

// send uploads what is the nth request's own, and wants its sum back.
func (s *sidecar) send(url string, n int) error {
	body := bytes.Repeat([]byte{byte(n)}, upload)
	answer, err := (&http.Client{Transport: s.Transport("127.0.0.1"), Timeout: time.Minute}).Post(
		url+"/echo", "application/octet-stream", bytes.NewReader(body),
	)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil &&
		(answer.StatusCode != http.StatusOK ||
			!strings.Contains(string(text), fmt.Sprintf("%d %x", upload, sha256.Sum256(body)))) {
		err = fmt.Errorf("%s: %s %.200s", url, answer.Status, text)
	}
	return err
}
