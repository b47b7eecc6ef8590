package ctfd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	callTimeout = 15 * time.Second // CTFd computes the whole standings when its cache is cold
	dialTimeout = 3 * time.Second
	idleTimeout = 90 * time.Second
	atOnce      = 12       // calls under way; CTFd has a few workers, and players want them too
	maxAnswer   = 32 << 20 // bytes

	tripAfter = 5               // failures in a row after which CTFd is not asked
	tripFor   = 5 * time.Second // until one call tries again
)

// errStatus is an answer that says that CTFd itself is broken.
var errStatus = errors.New("CTFd answered with an error of its own")

// Client speaks with one CTFd.
type Client struct {
	base    *url.URL
	key     func() string // an admin's access token, as it is now
	http    *http.Client  // for players' tokens: each is signed in by itself, and no cookie may be sent with it
	own     ownSession
	breaker *gobreaker.CircuitBreaker[answer]
	slots   chan struct{}
	budget  *Budget
	unseen  unseen
}

// Fixed is a key that never changes.
func Fixed(key string) func() string { return func() string { return key } }

// New makes a client of the CTFd at a URL. key gives the access token of one of its admins and is asked at every call,
// so another one counts at once.
func New(base string, key func() string, log *slog.Logger) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("CTFD_URL must be an http or https URL")
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	stateless := &http.Client{
		Timeout:       callTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext,
			MaxIdleConnsPerHost: atOnce, IdleConnTimeout: idleTimeout, TLSHandshakeTimeout: dialTimeout,
		},
	}
	return &Client{
		base: u, key: key, slots: make(chan struct{}, atOnce), budget: &Budget{}, http: stateless, own: ownSession{http: stateless},
		breaker: gobreaker.NewCircuitBreaker[answer](gobreaker.Settings{
			Name: "ctfd", Timeout: tripFor,
			ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tripAfter },
			IsExcluded:  func(err error) bool { return errors.Is(err, context.Canceled) },
			OnStateChange: func(_ string, from, to gobreaker.State) {
				tellState(log, from, to)
			},
		}),
	}, nil
}

// tellState tells of the beginning and the end of an outage, and not of each try in between.
func tellState(log *slog.Logger, from, to gobreaker.State) {
	switch {
	case to == gobreaker.StateClosed:
		log.Info("ctfd answers again")
	case from == gobreaker.StateClosed:
		log.Warn("ctfd does not answer; it is asked again every few seconds")
	}
}

// request is one call. Without a token it is made with the admin's.
type request struct {
	method, path string // path below /api/v1
	query        url.Values
	token        string
	body         any
	site         bool // path is not below /api/v1
	rank         rank
}

// Pagination is where a page of a list stands.
type Pagination struct {
	Page    int  `json:"page"`
	Next    *int `json:"next"` // nil on the last page
	Pages   int  `json:"pages"`
	PerPage int  `json:"per_page"`
	Total   int  `json:"total"`
}

// answer is what came back, read to its end.
type answer struct {
	status int
	json   bool
	body   []byte

	location string    // of a redirect
	date     time.Time // of CTFd's clock; zero: it did not say
}

// toLogin says whether CTFd took a call for a page's: it sends to its login, or refuses with a page.
func (a answer) toLogin() bool {
	return !a.json && (a.status >= 300 && a.status < 400 || a.status == http.StatusForbidden)
}

// do makes a call and decodes the data of its answer into a value (nil: not wanted). Lists that have pages say which.
func (c *Client) do(ctx context.Context, r request, into any) (Pagination, error) {
	got, err := c.breaker.Execute(func() (answer, error) { return c.send(ctx, r) })
	if err != nil {
		return Pagination{}, unavailable(fmt.Errorf("%s %s: %w", r.method, r.path, err))
	}
	if err := refusal(r, got); err != nil {
		return Pagination{}, err
	}
	var envelope struct {
		Success bool            `json:"success"`
		Data    json.RawMessage `json:"data"`
		Meta    struct {
			Pagination Pagination `json:"pagination"`
		} `json:"meta"`
	}
	if err := json.Unmarshal(got.body, &envelope); err != nil || !envelope.Success {
		return Pagination{}, misconfigured(fmt.Errorf("%s %s: no success in the answer: %w", r.method, r.path, err))
	}
	if into == nil {
		return envelope.Meta.Pagination, nil
	}
	if err := json.Unmarshal(envelope.Data, into); err != nil {
		return Pagination{}, misconfigured(fmt.Errorf("%s %s: %w", r.method, r.path, err))
	}
	return envelope.Meta.Pagination, nil
}

func (c *Client) send(ctx context.Context, r request) (answer, error) {
	if r.token == "" {
		if err := c.budget.pace.wait(ctx, r.rank); err != nil {
			return answer{}, err
		}
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	if r.token != "" {
		return c.sendBy(ctx, c.http, r, r.token)
	}
	key := c.key()
	by, used := c.own.client(key)
	got, err := c.sendBy(ctx, by, r, key)
	if err == nil && used && got.toLogin() { // the session in the cookie has ended: the key alone still counts
		c.own.forget()
		by, _ = c.own.client(key)
		return c.sendBy(ctx, by, r, key)
	}
	return got, err
}

// sendBy makes one call with a token.
func (c *Client) sendBy(ctx context.Context, by *http.Client, r request, token string) (answer, error) {
	out, err := c.prepare(ctx, r, token)
	if err != nil {
		return answer{}, err
	}
	resp, err := by.Do(out)
	if err != nil {
		return answer{}, withoutURL(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer{}, withoutURL(err)
	}
	if resp.StatusCode >= http.StatusInternalServerError {
		return answer{}, fmt.Errorf("%w: %s", errStatus, resp.Status)
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	date, _ := http.ParseTime(resp.Header.Get("Date"))
	return answer{
		date: date, status: resp.StatusCode, location: resp.Header.Get("Location"), body: text,
		json: kind == "application/json" || strings.HasSuffix(kind, "+json"),
	}, nil
}

// prepare makes the request of a call.
func (c *Client) prepare(ctx context.Context, r request, token string) (*http.Request, error) {
	target := c.base.JoinPath("/api/v1", r.path)
	if r.site {
		target = c.base.JoinPath(r.path)
	}
	target.RawQuery = r.query.Encode()
	var body io.Reader
	if r.body != nil {
		text, err := json.Marshal(r.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	out, err := http.NewRequestWithContext(ctx, r.method, target.String(), body)
	if err != nil {
		return nil, err
	}
	out.Header.Set("Authorization", "Token "+token)
	out.Header.Set("Content-Type", "application/json") // on GET too, and without a charset
	out.Header.Set("Accept", "application/json")
	return out, nil
}

// withoutURL keeps queries, which may hold flags, out of errors and so out of the log.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

func unavailable(err error) error {
	return whaley.Errorf(whaley.Unavailable, whaley.CodeCTFdUnavailable,
		"CTFd does not answer right now. Try again in a few seconds.").After(tripFor).Because(err)
}
