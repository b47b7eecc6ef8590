package api

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
)

func TestADependencyThatFailsIsToldOnceHoweverOftenItsHealthIsAsked(t *testing.T) {
	var log bytes.Buffer
	a := &API{
		Surface:   &kit.Surface{Needs: kit.Needs{Log: slog.New(slog.NewTextHandler(&log, nil))}},
		unhealthy: unhealthy{names: map[string]bool{}},
	}
	failing := errors.New("down")
	for _, name := range []string{"ctfd", "redis"} {
		for _, err := range []error{failing, failing, failing, nil, nil, failing} {
			a.failing(name, err)
		}
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 4 { // two outages of each
		t.Errorf("%d warnings:\n%s", n, log.String())
	}
}
