package subnet_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

func TestUnusedAddressesAreUnreachableAtOnce(t *testing.T) {
	guard := guarded(t)
	unreachable(t)
	guard()
}

func TestASecondSidecarThatEndsLeavesTheOtherItsRoute(t *testing.T) {
	for range 20 {
		first, second := guarded(t), guarded(t)
		unreachable(t)
		first()
		unreachable(t)
		second()
	}
}

func TestTwoSidecarsMayEndAtOnce(t *testing.T) {
	for range 20 {
		first, second := guarded(t), guarded(t)
		unreachable(t)
		var both sync.WaitGroup
		both.Go(first)
		both.Go(second)
		both.Wait()
	}
}

// guarded has an unused pool guarded until what it returns is called.
func guarded(t *testing.T) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- subnet.Guard(ctx, netip.MustParsePrefix("10.195.0.0/16"), slog.New(slog.DiscardHandler))
	}()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func unreachable(t *testing.T) {
	t.Helper()
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
}
