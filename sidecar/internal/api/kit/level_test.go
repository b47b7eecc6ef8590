package kit

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestWhatIsRefusedOnPurposeIsNoErrorInTheLog(t *testing.T) {
	refused := whaley.Errorf(whaley.Unavailable, "draining", "New instances are paused.")
	for what, c := range map[string]struct {
		err  error
		want slog.Level
	}{
		"a start while starting is paused": {refused, slog.LevelInfo},
		"a database that is away":          {whaley.Errorf(whaley.Unavailable, "away", "Away.").Because(errors.New("no route")), slog.LevelError},
		"what nobody expected":             {errors.New("nil pointer"), slog.LevelError},
	} {
		if got := levelOf(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", what, got, c.want)
		}
	}
}
