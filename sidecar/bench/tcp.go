package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"time"
)

// hello is what is sent and comes back.
const hello = "hello\n"

// ways is what the challenge of tcpWake has beside its web route: by TLS and by a port of the host, to its echo.
const ways = `
[[routes]]
name = "sni"
service = "web"
port = 9000
type = "tcp"

[[routes]]
name = "nc"
service = "web"
port = 9000
type = "port"
`

// tcpWake is the first byte that comes back by TLS and by a port of the host from a challenge that nobody has started,
// against its first answer by HTTP.
func tcpWake(ctx context.Context, dir string, rounds int, r *results) error {
	undo, err := edit(filepath.Join(dir, "challenges/bench/instance.toml"), "", ways)
	if err != nil {
		return err
	}
	defer undo()
	s, err := startSidecar(ctx, dir, 0, 0)
	if err != nil {
		return err
	}
	defer s.close()
	const owner = "127.0.0.1"
	var ch struct {
		Routes []struct {
			Type, URL, Host string
			Port            int
		}
	}
	if err := s.Call(owner, "GET", "/challenges/bench", &ch); err != nil {
		return err
	}
	if len(ch.Routes) != 3 || ch.Routes[2].Port == 0 {
		return fmt.Errorf("it has the routes %+v", ch.Routes)
	}
	measured := func(open func(ctx context.Context) error) func(context.Context) (time.Duration, error) {
		return func(ctx context.Context) (time.Duration, error) {
			began := time.Now()
			if err := open(ctx); err != nil {
				return 0, err
			}
			took := time.Since(began)
			return took, s.Until(ctx, "it is stopped", func() error { return s.Stop(owner) })
		}
	}
	local := &net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(owner + ":0"))}
	port := fmt.Sprintf("127.0.0.1:%d", ch.Routes[2].Port)
	byTLS := &tls.Dialer{NetDialer: local, Config: &tls.Config{ServerName: ch.Routes[1].Host, InsecureSkipVerify: true}}
	return r.compare(ctx, "tcp", rounds, []contender{
		{"http", measured(func(context.Context) error { return s.Get(ch.Routes[0].URL, owner) })},
		{"tls", measured(func(ctx context.Context) error { return echoed(ctx, byTLS.DialContext, s.TLS) })},
		{"port", measured(func(ctx context.Context) error { return echoed(ctx, local.DialContext, port) })},
	})
}

// echoed connects once and returns when what it sent has come back.
func echoed(
	ctx context.Context, dial func(ctx context.Context, network, address string) (net.Conn, error), address string,
) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c, err := dial(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	got := make([]byte, len(hello))
	if _, err := io.WriteString(c, hello); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if string(got) != hello {
		return errors.New("what comes back is not what was sent: " + string(got))
	}
	return nil
}
