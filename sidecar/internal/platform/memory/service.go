package memory

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// service is one of an instance. Its environment says what it would do: EXIT=n ends at once with that code, PRINT=text
// is what it prints, OPENS=1s is when it answers; OPENS=never is never.
type service struct {
	instancer.Object
	deployment string
	spec       whaley.Service
	code       int
	started    time.Time
	ended      chan struct{} // closed when a service that ran has ended
}

func (s *service) environment(name string) (string, bool) {
	for _, pair := range s.spec.Environment {
		if value, found := strings.CutPrefix(pair, name+"="); found {
			return value, true
		}
	}
	return "", false
}

func missing() error {
	return whaley.Errorf(whaley.Unavailable, whaley.CodeObjectMissing, "Something is missing.")
}

func (p *Platform) find(id string) *service {
	if s := p.host.services[id]; s != nil && s.deployment == p.deployment {
		return s
	}
	return nil
}

// owner is the instance that a service is one of, of whatever deployment.
func (s *service) owner() string { return s.deployment + "/" + s.Labels.Instance }

// StartService starts a service; one that runs stays as it is.
func (p *Platform) StartService(_ context.Context, id string) error {
	defer p.lock()()
	s := p.find(id)
	switch {
	case s == nil:
		return missing()
	case s.Running:
		return nil
	case s.Ended && !s.started.IsZero():
		s.ended = make(chan struct{})
	}
	s.Running, s.Waiting, s.Ended, s.started, s.code = true, false, false, time.Now(), 0
	if text, ends := s.environment("EXIT"); ends {
		s.code, _ = strconv.Atoi(text)
		p.end(s)
	}
	return nil
}

// StopService ends a service at once.
func (p *Platform) StopService(_ context.Context, id string, _ time.Duration) error {
	defer p.lock()()
	if s := p.find(id); s != nil {
		p.end(s)
	}
	return nil
}

// end makes a service end and tells who listens.
func (p *Platform) end(s *service) {
	if s.Waiting {
		s.Waiting, s.Ended = false, true
	}
	if !s.Running {
		return
	}
	s.Running, s.Ended = false, true
	close(s.ended)
	for watcher, deployment := range p.host.watchers {
		if deployment == s.deployment {
			watcher <- instancer.Exit{Instance: s.Labels.Instance, Service: s.Labels.Service}
		}
	}
}

func (p *Platform) drop(s *service) {
	p.end(s)
	delete(p.host.services, s.ID)
	of := s.owner()
	left := slices.DeleteFunc(p.host.having[of], func(other *service) bool { return other == s })
	if p.host.having[of] = left; len(left) == 0 {
		delete(p.host.having, of)
	}
}

// Wait blocks until a service has ended.
func (p *Platform) Wait(ctx context.Context, id string) (int, error) {
	unlock := p.lock()
	s := p.find(id)
	if s == nil {
		unlock()
		return 0, missing()
	}
	ended := s.ended
	unlock()
	select {
	case <-ended:
		defer p.lock()()
		return s.code, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Logs are what a service's environment says with PRINT=.
func (p *Platform) Logs(_ context.Context, id string, _ int) (string, error) {
	defer p.lock()()
	s := p.find(id)
	if s == nil {
		return "", missing()
	}
	text, prints := s.environment("PRINT")
	if !prints {
		return "", nil
	}
	return text + "\n", nil
}

// Answers says that a service that is open speaks as it is asked.
func (p *Platform) Answers(_ context.Context, t instancer.Target) (whaley.Scheme, error) {
	defer p.lock()()
	if s := p.find(t.Container); s == nil || !s.open() {
		return "", instancer.ErrClosed
	}
	return t.Scheme, nil
}

// Exec succeeds in a service that is open.
func (p *Platform) Exec(_ context.Context, id string, _ []string) (int, error) {
	defer p.lock()()
	s := p.find(id)
	switch {
	case s == nil || !s.Running:
		return 0, missing()
	case !s.open():
		return 1, nil
	}
	return 0, nil
}

// Listens are none.
func (p *Platform) Listens(context.Context, string) ([]int, error) { return nil, nil }
