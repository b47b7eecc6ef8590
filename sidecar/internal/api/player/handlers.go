// Package player answers players: their challenges, instances, sign-in, and the stream of what changes.
package player

import "github.com/whaley-ctf/whaley/sidecar/internal/api/kit"

// Handlers are the operations; api has their paths.
type Handlers struct {
	*kit.Surface
	feeds *feeds
}

// New makes them.
func New(s *kit.Surface) Handlers {
	h := Handlers{Surface: s}
	h.feeds = newFeeds(s.Ctx, s.Instancer.Changes, h.encoded)
	return h
}
