package kit

import (
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	streamsEach  = 20   // of one owner or organiser: more than a team has pages open that somebody looks at
	streamsFrom  = 1000 // from one address, which may be a whole hall's
	streamsMost  = 5000 // altogether, where nobody says else
	streamsPause = 30 * time.Second
)

// seats are the streams that are open now, each with a connection and a goroutine of its own. Who has too many loses
// the one that was opened first: that is the page they are least likely to look at. Where an address or everybody
// together has too many, a new one is refused, and its page asks now and then instead.
type seats struct {
	each, from, all int

	mu      sync.Mutex
	taken   int
	froms   map[string]int
	holders map[string][]*seat // by who follows, the earliest first; without those that had to give way
}

type seat struct {
	who, from string
	giveWay   func() // called when a later one takes its place
}

func newSeats(altogether int) *seats {
	if altogether == 0 {
		altogether = streamsMost
	}
	return &seats{
		each: streamsEach, from: min(streamsFrom, altogether), all: altogether,
		froms: map[string]int{}, holders: map[string][]*seat{},
	}
}

// take gives who asks a seat, which they leave at the end whatever became of it. One that had to give way counts for
// its address until it is left.
func (s *seats) take(who, from string, giveWay func()) (*seat, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.froms[from] >= s.from {
		return nil, whaley.Errorf(whaley.Exhausted, "too_many_streams",
			"%d event streams from your network are open. Close some pages, or ask GET /instances now and then instead.", s.from).After(
			streamsPause,
		)
	}
	if s.taken >= s.all {
		return nil, whaley.Errorf(whaley.Unavailable, "streams_exhausted",
			"%d event streams are open, which is all there may be. Ask GET /instances now and then instead.", s.all).After(
			streamsPause,
		)
	}
	if held := s.holders[who]; len(held) >= s.each {
		held[0].giveWay()
		s.holders[who] = held[1:]
	}
	it := &seat{who: who, from: from, giveWay: giveWay}
	s.holders[who] = append(s.holders[who], it)
	s.froms[from]++
	s.taken++
	return it, nil
}

func (s *seats) leave(it *seat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var left []*seat
	for _, other := range s.holders[it.who] {
		if other != it {
			left = append(left, other)
		}
	}
	if s.holders[it.who] = left; len(left) == 0 {
		delete(s.holders, it.who)
	}
	if s.froms[it.from]--; s.froms[it.from] == 0 {
		delete(s.froms, it.from)
	}
	s.taken--
}
