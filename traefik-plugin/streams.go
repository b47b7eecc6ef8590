package whaley

import (
	"net/http"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
)

const (
	streamsEach    = 20   // of one asker: more than anybody has waiting pages that they look at
	streamsAtOnce  = 2000 // altogether; each also holds a call of the sidecar
	streamPatience = 10 * time.Second
)

// enter says whether there is a place for one more stream of whoever asks. With one, call leave at its end.
func (s *sidecar) enter(q wire.HostRequest) bool {
	who := asker(q)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams[who] >= streamsEach || s.open >= streamsAtOnce {
		return false
	}
	s.streams[who]++
	s.open++
	return true
}

func (s *sidecar) leave(q wire.HostRequest) {
	who := asker(q)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.streams[who]--
	if s.streams[who] == 0 {
		delete(s.streams, who)
	}
}

// asker is who a query is on behalf of, whatever the host.
func asker(q wire.HostRequest) string {
	if q.Owner != "" {
		return q.Owner + "\x00" + q.Player
	}
	return q.Address
}

// events writes server-sent events to one who reads them in time: whoever does not holds nothing for ever.
type events struct {
	w   http.ResponseWriter
	out *http.ResponseController
}

func openEvents(w http.ResponseWriter) events {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	return events{w: w, out: http.NewResponseController(w)}
}

// send writes text at once and says whether it went out.
func (e events) send(text string) bool {
	_ = e.out.SetWriteDeadline(time.Now().Add(streamPatience)) // where there is none, the edge has one of its own
	if _, err := e.w.Write([]byte(text)); err != nil {
		return false
	}
	return e.out.Flush() == nil
}
