package subnet_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

func TestUnusedAddressesAreUnreachableAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- subnet.Guard(ctx, netip.MustParsePrefix("10.195.0.0/16"), slog.New(slog.DiscardHandler))
	}()
	testkit.Eventually(t, 5*time.Second, "an unused address is unreachable", func() error {
		conn, err := net.DialTimeout("tcp", "10.195.7.2:80", time.Second)
		if err == nil {
			conn.Close()
			return errors.New("somebody answers")
		}
		if !errors.Is(err, syscall.EHOSTUNREACH) && !errors.Is(err, syscall.ENETUNREACH) {
			return err
		}
		return nil
	})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
