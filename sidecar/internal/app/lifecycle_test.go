package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

func TestLoopsEndBeforePartsAndTheLastPartIsClosedFirst(t *testing.T) {
	var log strings.Builder
	a, ctx := newLifecycle(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
	var order []string
	for _, name := range []string{"database", "engine"} {
		a.OnStop(name, func() error {
			order = append(order, name)
			return errors.New("does not want to")
		})
	}
	a.Go(func() error {
		<-ctx.Done()
		order = append(order, "loop")
		return nil
	})
	if err := a.Stop(); err != nil {
		t.Error(err)
	}
	if want := []string{"loop", "engine", "database"}; !slices.Equal(order, want) {
		t.Errorf("%v, want %v", order, want)
	}
	if !strings.Contains(log.String(), "part=database") {
		t.Errorf("the log names no part that did not close: %s", log.String())
	}
	if err := a.Stop(); err != nil || len(order) != 3 {
		t.Errorf("stopped twice: %v %v", order, err)
	}
}

func TestALoopThatFailsEndsTheOthers(t *testing.T) {
	a, ctx := newLifecycle(context.Background(), slog.New(slog.DiscardHandler))
	broken := errors.New("broken")
	a.Go(func() error { return broken })
	a.Go(func() error { <-ctx.Done(); return nil })
	if err := a.Wait(); !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := a.Stop(); !errors.Is(err, broken) {
		t.Error(err)
	}
}
