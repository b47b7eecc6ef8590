package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// TestTheOrganiserIsToldThatOurKeyIsRefusedAndThatItIsTakenAgain by events, which go to the panel and to webhooks.
func TestTheOrganiserIsToldThatOurKeyIsRefusedAndThatItIsTakenAgain(t *testing.T) {
	board := ctfdtest.New(t)
	log := slog.New(slog.DiscardHandler)
	db, err := store.Open(t.Context(), "", storetest.Ready(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	client, err := ctfd.New(board.URL, ctfd.Fixed(board.Admin), log)
	if err != nil {
		t.Fatal(err)
	}
	watch := &keyWatch{client: client, every: time.Millisecond}
	asks := pinging{func(ctx context.Context) error { _, err := client.TeamMode(ctx); return err }}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- watch.run(ctx, asks, db, log) }()
	told := func(want ...string) {
		t.Helper()
		testkit.Eventually(t, 10*time.Second, fmt.Sprint("told of ", want), func() error {
			var types []string
			events, err := db.FindEvents(t.Context(), whaley.EventQuery{Limit: 50})
			for _, e := range slices.Backward(events) {
				types = append(types, e.Type)
			}
			if err == nil && !slices.Equal(types, want) {
				return fmt.Errorf("told of %v", types)
			}
			return err
		})
	}
	board.ChangeUser(1, func(u *ctfdtest.User) { u.Type = "user" })
	told("ctfd_key_refused")
	board.ChangeUser(1, func(u *ctfdtest.User) { u.Type = "admin" })
	told("ctfd_key_refused", "ctfd_key_taken")
	board.RemoveToken(board.Admin)
	told("ctfd_key_refused", "ctfd_key_taken", "ctfd_key_refused")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

type pinging struct{ ask func(context.Context) error }

func (p pinging) Ping(ctx context.Context) error { return p.ask(ctx) }
