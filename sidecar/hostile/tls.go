package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"time"
)

// idleTLS holds connections to the edge for TLS open: those that say nothing, half a hello, and those that are through
// and then say nothing.
func idleTLS(count int) func(context.Context, *strike) error {
	return func(ctx context.Context, s *strike) error {
		s.many(ctx, count, 500*time.Millisecond, func(ctx context.Context, r *rand.Rand) string {
			c, err := s.dial(ctx, attacker, s.TLS)
			if err != nil {
				return "not connected"
			}
			defer context.AfterFunc(ctx, func() { c.Close() })()
			defer c.Close()
			switch r.IntN(3) {
			case 0:
				return "silent, " + drain(c)
			case 1:
				hello := helloOf("honest-" + word(r, 13) + ".instances.localhost")
				_, _ = c.Write(hello[:1+r.IntN(len(hello)-1)])
				return "half a hello, " + drain(c)
			}
			t := tls.Client(
				c, &tls.Config{ServerName: "sni-honest-" + word(r, 13) + ".instances.localhost", InsecureSkipVerify: true},
			) //nolint:gosec // the edge's own
			_ = t.SetDeadline(time.Now().Add(time.Minute))
			if t.HandshakeContext(ctx) != nil {
				return "handshake refused"
			}
			return "idle, " + drain(t)
		})
		return nil
	}
}

// helloOf is the first message of TLS to a name.
func helloOf(name string) []byte {
	ours, theirs := net.Pipe()
	var hello bytes.Buffer
	go func() {
		_ = tls.Client(ours, &tls.Config{ServerName: name}).Handshake() // it never ends well
	}()
	part := make([]byte, 16<<10)
	_ = theirs.SetReadDeadline(time.Now().Add(time.Second))
	for {
		n, err := theirs.Read(part)
		hello.Write(part[:n])
		if all := hello.Bytes(); err != nil || len(all) > 5 && len(all) >= 5+int(all[3])<<8+int(all[4]) {
			break
		}
	}
	ours.Close()
	theirs.Close()
	return hello.Bytes()
}
