package whaley

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
)

const (
	knownFresh = 1500 * time.Millisecond
	maxKnown   = 20000
)

// known is what was last heard of a running host for one asker.
type known struct {
	status wire.HostStatus
	at     time.Time
}

func knownKey(q wire.HostRequest) string {
	return q.Host + "\x00" + q.Owner + "\x00" + q.Player + "\x00" + q.Session + "\x00" + q.Address
}

// resolve says what a host is, for an asker, and whether it was asked just now. Running hosts are remembered for a moment;
// while the sidecar cannot be asked, for as long as that takes.
func (s *sidecar) resolve(ctx context.Context, q wire.HostRequest) (status wire.HostStatus, asked bool, err error) {
	now := time.Now()
	s.mu.Lock()
	k, seen := s.known[knownKey(q)]
	down := now.Before(s.downUntil)
	s.mu.Unlock()
	if seen && (down || now.Sub(k.at) < knownFresh) {
		return k.status, false, nil
	}
	status, err = s.ask(ctx, wire.PathResolve, q)
	if err != nil && seen {
		return k.status, false, nil
	}
	return status, true, err
}

// ask is resolve, wake or status without any memory of earlier answers.
func (s *sidecar) ask(ctx context.Context, path string, q wire.HostRequest) (wire.HostStatus, error) {
	var status wire.HostStatus
	problem, err := s.call(ctx, path, callTimeout+time.Duration(q.WaitMS)*time.Millisecond, q, &status)
	if err != nil {
		return status, err
	}
	if problem != nil {
		return wire.HostStatus{State: wire.StateFailed, Mine: true, Problem: problem}, nil
	}
	s.remember(q, status)
	return status, nil
}

func (s *sidecar) remember(q wire.HostRequest, status wire.HostStatus) {
	q.WaitMS = 0
	q.Seen = ""
	s.mu.Lock()
	defer s.mu.Unlock()
	if status.State != wire.StateRunning {
		delete(s.known, knownKey(q))
		return
	}
	if len(s.known) >= maxKnown {
		s.known = map[string]known{}
	}
	s.known[knownKey(q)] = known{status: status, at: time.Now()}
}

// forget is called when a container that should be there did not answer.
func (s *sidecar) forget(q wire.HostRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, knownKey(q))
}
