package memory

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

var _ instancer.Shells = (*Platform)(nil)

// Shell begins a shell that says back what it is told, until that is exit, and has none with SHELL=none in the
// service's environment.
func (p *Platform) Shell(
	_ context.Context, instance, name string, _ instancer.TerminalSize,
) (instancer.Terminal, error) {
	defer p.lock()()
	of := slices.IndexFunc(p.host.having[p.deployment+"/"+instance], func(s *service) bool {
		return s.Labels.Service == name && s.Running
	})
	if of < 0 {
		return nil, instancer.NoSuchService(name)
	}
	s := p.host.having[p.deployment+"/"+instance][of]
	if value, _ := s.environment("SHELL"); value == "none" {
		return nil, instancer.NoShell(name)
	}
	t := &terminal{}
	t.shown, t.show = io.Pipe()
	go func() {
		<-s.ended
		_ = t.Close() // of a pipe: it fails never
	}()
	return t, nil
}

// terminal shows what was typed, and ends with its service.
type terminal struct {
	shown *io.PipeReader
	show  *io.PipeWriter
	mu    sync.Mutex
	typed string
}

func (t *terminal) Read(p []byte) (int, error) { return t.shown.Read(p) }

func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.typed += string(p)
	exits := strings.Contains(t.typed, "exit\r") || strings.Contains(t.typed, "exit\n")
	t.mu.Unlock()
	if exits {
		return len(p), t.show.Close()
	}
	return t.show.Write(p)
}

func (t *terminal) Resize(context.Context, instancer.TerminalSize) error { return nil }

func (t *terminal) Close() error { return t.show.Close() }
