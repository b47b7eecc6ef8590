package testkit

import (
	"net"
	"testing"
)

// Serve listens until the test ends, has each connection answered beside the others, closes it then, and returns where.
// network and address are net.Listen's.
func Serve(t testing.TB, network, address string, answer func(conn net.Conn)) *net.TCPAddr {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				answer(conn)
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr)
}
