package listen

import (
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestLittleIsHeldForWhoReadsNothing counts what is taken for a client who does not read, which are four megabytes
// where the kernel decides.
func TestLittleIsHeldForWhoReadsNothing(t *testing.T) {
	l := open(t, Options{Most: 10})
	l.unread = time.Second
	conns := accepted(t, l)
	dial(t, "127.0.0.1", l)
	taken, err := io.Copy(<-conns, zeros{})
	if !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, syscall.ETIMEDOUT) {
		t.Fatal(err)
	}
	if taken > 1<<20 {
		t.Errorf("%d KiB", taken>>10)
	}
}

// TestWhoDoesNotReadWhatGoesFromSocketToSocketIsLeftAlone writes to the connection below, which has no deadline.
func TestWhoDoesNotReadWhatGoesFromSocketToSocketIsLeftAlone(t *testing.T) {
	l := open(t, Options{Most: 10})
	l.unread = 200 * time.Millisecond
	conns := accepted(t, l)
	dial(t, "127.0.0.1", l)
	conn := <-conns
	stuck := time.AfterFunc(30*time.Second, func() { conn.Close() })
	defer stuck.Stop()
	if _, err := io.Copy(conn.Conn, zeros{}); !errors.Is(err, syscall.ETIMEDOUT) {
		t.Error(err)
	}
}
