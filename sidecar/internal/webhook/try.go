package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	maxAnswer = 16 << 10 // bytes
	maxAfter  = 10 * time.Minute
)

// answer is what came of one try.
type answer struct {
	taken, refused bool
	after          time.Duration // how long the receiver wants to be left alone; 0: it does not say
	err            error         // never holds the URL
}

func (s *Sender) try(ctx context.Context, to, id string, body []byte) answer {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return answer{refused: true, err: errors.New("the URL is not one")}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Whaley (https://github.com/whaley-ctf/whaley, 1)")
	if s.opts.Sign != nil {
		for name, values := range s.opts.Sign(id, time.Now(), body) {
			r.Header[name] = values
		}
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return answer{err: withoutURL(err)}
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // only a 429 says something of use in it
	status := errors.New("it answered " + strconv.Itoa(resp.StatusCode))
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		return answer{taken: true}
	case resp.StatusCode == http.StatusTooManyRequests:
		return answer{after: retryAfter(resp.Header, text), err: status}
	case resp.StatusCode >= 500, resp.StatusCode == http.StatusRequestTimeout:
		return answer{err: status}
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return answer{refused: true, err: fmt.Errorf("%w: redirects are not followed", status)}
	}
	return answer{refused: true, err: status}
}

// withoutURL is an error of a client without the URL that it names.
func withoutURL(err error) error {
	var with *url.Error
	if errors.As(err, &with) {
		return with.Err
	}
	return err
}

// retryAfter is how long a receiver wants to be left alone: in Discord's answer, which is exact, else in the header.
func retryAfter(header http.Header, text []byte) time.Duration {
	var said struct {
		RetryAfter float64 `json:"retry_after"`
	}
	seconds := 0.0
	if json.Unmarshal(text, &said) == nil && said.RetryAfter > 0 {
		seconds = said.RetryAfter
	} else if n, err := strconv.ParseFloat(header.Get("Retry-After"), 64); err == nil && n > 0 {
		seconds = n
	}
	if seconds == 0 {
		return 0
	}
	return min(max(time.Duration(seconds*float64(time.Second)), 50*time.Millisecond), maxAfter)
}
