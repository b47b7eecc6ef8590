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
	key := q.Host + "\x00" + q.Owner + "\x00" + q.Player + "\x00" + q.Session + "\x00" + q.Address
	if q.Expires != 0 {
		key += "\x00renewed"
	}
	return key
}

// recall is what was last heard of a running host, if anything was, and whether that is to be believed without asking.
func (s *sidecar) recall(q wire.HostRequest) (status wire.HostStatus, seen, fresh bool) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	k, seen := s.known[knownKey(q)]
	return k.status, seen, seen && (now.Before(s.downUntil) || now.Sub(k.at) < knownFresh)
}

// ask is wake or status without any memory of earlier answers. held is told if the answer takes its time.
func (s *sidecar) ask(ctx context.Context, path string, q wire.HostRequest, held func()) (wire.HostStatus, error) {
	var status wire.HostStatus
	problem, err := s.call(ctx, path, callTimeout+time.Duration(q.WaitMS)*time.Millisecond, q, &status, held)
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
