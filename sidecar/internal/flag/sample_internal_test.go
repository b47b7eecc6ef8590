package flag

import (
	"log/slog"
	"testing"
	"time"
)

func TestWipedFlagsAreFoundWithinAMinute(t *testing.T) {
	f := New(nil, nil, nil, Options{}, slog.New(slog.DiscardHandler))
	if f.opts.SampleEvery+2*idle > time.Minute {
		t.Errorf("looked at every %v, and registered again %v later", f.opts.SampleEvery, idle)
	}
}
