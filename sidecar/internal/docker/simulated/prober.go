package simulated

import (
	"context"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

var _ instancer.Prober = (*Engine)(nil)

// Answers says that a container that runs speaks as it is asked, from the time after its start that its environment
// says with OPENS=1s; OPENS=never and one that does not run are closed.
func (e *Engine) Answers(_ context.Context, t instancer.Target) (whaley.Scheme, error) {
	defer e.lock()()
	if o := e.find(t.Container); o == nil || !o.open() {
		return "", instancer.ErrClosed
	}
	return t.Scheme, nil
}

// Exec succeeds in a container that is open.
func (e *Engine) Exec(_ context.Context, id string, _ []string) (int, error) {
	defer e.lock()()
	o := e.find(id)
	switch {
	case o == nil || !o.Running:
		return 0, missing()
	case !o.open():
		return 1, nil
	}
	return 0, nil
}

// Listens are none.
func (e *Engine) Listens(context.Context, string) ([]int, error) { return nil, nil }

func (o *object) open() bool {
	if o.halted {
		return false
	}
	for _, pair := range o.spec.Service.Environment {
		if text, late := strings.CutPrefix(pair, "OPENS="); late {
			after, err := time.ParseDuration(text)
			return o.Running && err == nil && time.Since(o.started) >= after
		}
	}
	return o.Running
}
