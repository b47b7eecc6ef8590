package rehearse

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Options say what is rehearsed where.
type Options struct {
	To       string // the dashboard's address
	Key      string // of organisers
	Edge     string // host:port at which instances' addresses are reached; empty: as their names say
	Insecure bool   // certificates are not checked
	Teams    int
	Event    int // teams of the event that is forecast; 0: as many
	Name     string
	Lasts    time.Duration
	Chaos    []Fault // what fails meanwhile, one after the other
	Out      io.Writer
}

// answer is a problem of the other side's.
type answer struct {
	Status int
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Error is what it says.
func (a *answer) Error() string { return fmt.Sprintf("%s (%d %s)", a.Detail, a.Status, a.Code) }

// Client asks the API of organisers.
type Client struct {
	Options
	http *http.Client
}

// Admin makes a Client.
func Admin(o Options) *Client { return &Client{Options: o, http: o.client(-1)} }

// Call sends body and reads into, both of which may be nil.
func (a *Client) Call(ctx context.Context, method, path string, body, into any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(a.To, "/")+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Admin-Key", a.Key)
	resp, err := a.http.Do(r)
	if err != nil {
		return fmt.Errorf("ask %s: %w", a.To, err)
	}
	defer resp.Body.Close()
	if text, err = io.ReadAll(io.LimitReader(resp.Body, 64<<20)); err != nil {
		return fmt.Errorf("ask %s: %w", a.To, err)
	}
	refused := &answer{Status: resp.StatusCode}
	switch {
	case resp.StatusCode < http.StatusMultipleChoices && into == nil:
		return nil
	case resp.StatusCode < http.StatusMultipleChoices && json.Unmarshal(text, into) == nil:
		return nil
	case resp.StatusCode >= http.StatusBadRequest && json.Unmarshal(text, refused) == nil && refused.Code != "":
		return refused
	}
	return fmt.Errorf(
		"ask %s: it answers %s, but not as Whaley's API does: give the dashboard's address with --to%s", a.To, resp.Status,
		elsewhere(resp.Header.Get("Location")),
	)
}

// elsewhere names where an answer sends its reader.
func elsewhere(location string) string {
	if location == "" {
		return ""
	}
	return " (it sends to " + location + ")"
}

// client is a team's way in. On this machine each team has an address of its own, as players have: of one address only
// so much is worked on at the same time.
func (o Options) client(team int) *http.Client {
	dial := &net.Dialer{Timeout: 10 * time.Second}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if o.Edge != "" && team >= 0 {
				address = o.Edge
			}
			address = local(address)
			from := *dial
			if p, err := netip.ParseAddrPort(address); err == nil && p.Addr().IsLoopback() && p.Addr().Is4() && team >= 0 {
				from.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 77, byte(team>>8), byte(team))}
			}
			return from.DialContext(ctx, network, address)
		},
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: o.Insecure}, //nolint:gosec // only if asked for
		MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second,
	}
	return &http.Client{
		Transport: transport, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// local is an address that every program understands: names under localhost are known to browsers only.
func local(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err == nil && (host == "localhost" || strings.HasSuffix(host, ".localhost")) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address
}

// hostOf is the name in an address.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
