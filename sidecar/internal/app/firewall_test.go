package app

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/firewall"
)

func TestAProofThatFailedIsTriedAgainUntilItHolds(t *testing.T) {
	disk := errors.New("no space left on device")
	leak := &leakError{reached: []string{"10.240.0.1:22"}}
	for name, c := range map[string]struct {
		answers []error
		trials  int
		last    error // what is known at the end
	}{
		"it holds at once":             {[]error{nil}, 1, nil},
		"a full disk, then room":       {[]error{disk, disk, nil}, 3, nil},
		"a leak that is mended":        {[]error{leak, disk, leak, nil}, 4, nil},
		"a leak that stays":            {nil, 0, leak},
		"a program that cannot be one": {[]error{firewall.ErrNotStatic}, 1, firewall.ErrNotStatic},
		"a disk that is full for hours": {
			[]error{disk, disk, disk, disk, disk, disk, disk, disk, disk, disk, disk, nil}, 12, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &hostFirewall{
					Table: firewall.New(
						"whproof-", []netip.Prefix{netip.MustParsePrefix("10.189.0.0/16")}, 0, slog.New(slog.DiscardHandler),
					),
					log: slog.New(slog.DiscardHandler),
				}
				ctx, cancel := context.WithTimeout(t.Context(), 4*time.Hour)
				defer cancel()
				trials := 0
				w.prove(ctx, func(context.Context) error {
					trials++
					if c.answers == nil {
						return c.last
					}
					return c.answers[trials-1]
				})
				if trials != c.trials && c.trials != 0 {
					t.Errorf("%d trials, want %d", trials, c.trials)
				}
				if most := 40; c.answers == nil && (trials < 10 || trials > most) {
					t.Errorf("%d trials in four hours", trials)
				}
				if got := w.proved.Load(); got == nil || !errors.Is(*got, c.last) && *got != c.last {
					t.Errorf("known at the end: %v, want %v", got, c.last)
				}
			})
		})
	}
}
