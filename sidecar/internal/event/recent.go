package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	remembered = 2 * backlog
	tail       = 256 << 10 // bytes of the file that are read at the start
	// overlap is how much is looked at again: transactions do not end in the order of their events' ids.
	overlap = 10 * time.Second
)

// line is an event as the file has it.
type line struct {
	ID        string    `json:"id"`
	At        time.Time `json:"at"`
	Type      string    `json:"type"`
	Instance  string    `json:"instance,omitempty"`
	Challenge string    `json:"challenge,omitempty"`
	Owner     string    `json:"owner,omitempty"`
	Player    string    `json:"player,omitempty"`
	Message   string    `json:"message"`
	Request   string    `json:"request,omitempty"`
}

// recent are the last events that were written, so that none is written twice.
type recent struct {
	ids  map[string]struct{}
	ring [remembered]string
	next int
	last string // the highest id
	torn bool   // the file ends within a line
}

func newRecent() *recent { return &recent{ids: map[string]struct{}{}} }

func (r *recent) add(id string) {
	delete(r.ids, r.ring[r.next])
	r.ring[r.next] = id
	r.ids[id] = struct{}{}
	r.next = (r.next + 1) % remembered
	r.last = max(r.last, id)
}

// put writes an event unless it was written.
func (r *recent) put(out io.Writer, ev whaley.Event) error {
	if _, done := r.ids[ev.ID]; done {
		return nil
	}
	text, err := json.Marshal(line{
		ID: ev.ID, At: ev.At, Type: ev.Type, Instance: ev.Instance, Challenge: ev.Challenge, Owner: ev.Owner,
		Player:  ev.Player,
		Message: ev.Message, Request: ev.Request,
	})
	if err != nil {
		return err
	}
	if r.torn {
		text = append([]byte{'\n'}, text...)
	}
	if _, err = out.Write(append(text, '\n')); err == nil {
		r.torn = false
		r.add(ev.ID)
	}
	return err
}

// since is an id after which the database may have what the file lacks; "" means all.
func (r *recent) since() string {
	id, err := uuid.Parse(r.last)
	if err != nil {
		return ""
	}
	seconds, nanoseconds := id.Time().UnixTime()
	before := time.Unix(seconds, nanoseconds).Add(-overlap).UnixMilli()
	var lowest uuid.UUID
	for n := range 6 {
		lowest[n] = byte(before >> (8 * (5 - n)))
	}
	return lowest.String()
}

// read remembers the last lines of a file. A line that a power cut has cut off is none.
func (r *recent) read(name string) error {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-tail), tail))
	if err != nil {
		return err
	}
	r.torn = len(text) > 0 && text[len(text)-1] != '\n'
	for text := range bytes.SplitSeq(text, []byte("\n")) {
		var l line
		if json.Unmarshal(text, &l) == nil && l.ID != "" {
			r.add(l.ID)
		}
	}
	return nil
}
