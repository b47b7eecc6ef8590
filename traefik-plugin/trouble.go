package whaley

import (
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How much is logged of containers that give no answer, which their owners may provoke as often as they like.
const (
	linesPerSecond = 3
	troublePause   = 10 * time.Second // between two lines about the same container
	maxTroubles    = 1024             // containers that are remembered
	maxCause       = 200              // bytes of one
)

// troubles are what is logged of one kind of trouble.
type troubles struct {
	mu     sync.Mutex
	told   map[string]time.Time
	second int64
	lines  int
	left   int // that were not logged since the last line
}

// Kinds of trouble with containers.
var (
	notReached = &troubles{told: map[string]time.Time{}}
	noAnswer   = &troubles{told: map[string]time.Time{}}
	brokenOff  = &troubles{told: map[string]time.Time{}}
)

// tell logs what happened at a container, unless enough has been logged of it, or of all, just now.
func (t *troubles) tell(at, what string, err error) {
	now := time.Now()
	t.mu.Lock()
	if now.Unix() != t.second {
		t.second = now.Unix()
		t.lines = 0
	}
	if t.lines >= linesPerSecond || now.Sub(t.told[at]) < troublePause {
		t.left++
		t.mu.Unlock()
		return
	}
	if len(t.told) >= maxTroubles {
		t.told = map[string]time.Time{}
	}
	t.told[at] = now
	t.lines++
	left := t.left
	t.left = 0
	t.mu.Unlock()
	more := ""
	if left > 0 {
		more = " (and " + strconv.Itoa(left) + " times more of this kind before)"
	}
	logError(what + " " + at + ": " + cause(err) + more)
}

// cause is why, without what the container has said: that may be a flag, or made to look like another line.
func cause(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\"")
	if before, _, quotes := strings.Cut(text, "malformed MIME header"); quotes {
		text = before + "malformed MIME header"
	}
	if len(text) > maxCause {
		text = text[:maxCause]
	}
	return strconv.Quote(strings.TrimSpace(text))
}

// proxyLog is where reverse proxies write to that an answer broke off. Yaegi has a logger of its own instead of
// package log's.
var proxyLog = slog.NewLogLogger(slog.NewTextHandler(&broke{}, nil), slog.LevelWarn)

type broke struct{}

// Write implements io.Writer.
func (b *broke) Write(line []byte) (int, error) {
	_, why, _ := strings.Cut(string(line), "msg=")
	brokenOff.tell("a container", "an answer was passed on in part from", errors.New(strings.Trim(why, "\"\n")))
	return len(line), nil
}
