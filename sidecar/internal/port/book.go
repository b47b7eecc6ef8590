package port

import (
	"context"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// OnKnown has f called for every port that becomes somebody's, before any is handed out.
func (l *Lanes) OnKnown(f func(port int)) { l.known = f }

// ListenedAt has ports count as free at which this process itself listens for their owners.
func (l *Lanes) ListenedAt(ours func(port int) bool) {
	l.free = func(port int) bool { return ours(port) || isFree(port) }
}

// Booked are an owner's ports of all challenges, by challenge and internal port.
func (l *Lanes) Booked(ctx context.Context, owner string) (map[string]map[int]int, error) {
	return l.store.OwnerPorts(ctx, owner)
}

// Book makes ports an owner's before anything of theirs runs, and returns all that they have for a challenge. One for
// which no port is left is not among them: it gets one when it starts.
func (l *Lanes) Book(ctx context.Context, owner, challenge string, internal []int) (map[int]int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	own, err := l.store.LastPorts(ctx, owner, challenge)
	if err != nil {
		return nil, err
	}
	booked, err := l.booked(ctx)
	if err != nil {
		return nil, err
	}
	for _, want := range internal {
		if own[want] != 0 {
			continue
		}
		port, err := l.scan(owner, challenge, want, func(port int) (bool, error) {
			if booked[port] || !l.free(port) {
				return false, nil
			}
			err := l.store.BookPort(ctx, port, owner, challenge, want)
			if whaley.CodeOf(err) == whaley.CodePortTaken {
				return false, nil
			}
			return err == nil, err
		})
		if err != nil {
			return own, err
		}
		if port != 0 {
			own[want], booked[port] = port, true
			l.known(port)
		}
	}
	return own, nil
}

func (l *Lanes) booked(ctx context.Context) (map[int]bool, error) {
	all, err := l.store.BookedPorts(ctx)
	booked := make(map[int]bool, len(all))
	for _, port := range all {
		booked[port] = true
	}
	return booked, err
}
