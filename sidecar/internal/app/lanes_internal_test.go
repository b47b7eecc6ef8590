package app

import (
	"errors"
	"log/slog"
	"net"
	"strconv"
	"testing"
)

func TestWhatConnectsToAnOwnersPortArrivesThere(t *testing.T) {
	free, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	l := newLanes(slog.New(slog.DiscardHandler))
	defer l.Close()
	for range 2 {
		l.Know(port)
	}
	if !l.Has(port) || l.Has(port+1) {
		t.Fatalf("of %d it says %v", port, l.Has(port))
	}
	out, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	in, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if at, err := arrived(in); err != nil || int(at.Port()) != port {
		t.Errorf("it arrived at %v, %v", at, err)
	}
	l.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) || l.Has(port) {
		t.Errorf("it ends with %v, and listens on: %v", err, l.Has(port))
	}
}
