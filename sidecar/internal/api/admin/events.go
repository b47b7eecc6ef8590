package admin

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/event"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type eventJSON struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	Level     string    `json:"level"`
	At        time.Time `json:"at"`
	Instance  string    `json:"instance"`
	Challenge string    `json:"challenge"`
	Owner     string    `json:"owner"`
	Player    string    `json:"player"`
	Message   string    `json:"message"`
	Request   string    `json:"request"`
}

func eventOf(ev whaley.Event) eventJSON {
	return eventJSON{
		ID: ev.ID, Type: ev.Type, Level: event.Level(ev.Type), At: ev.At, Instance: ev.Instance, Challenge: ev.Challenge,
		Owner: ev.Owner, Player: ev.Player, Message: ev.Message, Request: ev.Request,
	}
}

var typeForm = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

// typesOf reads ?type=, which may be repeated or separated by commas.
func typesOf(r *http.Request) ([]string, error) {
	var all []string
	for _, text := range r.URL.Query()["type"] {
		for kind := range strings.SplitSeq(text, ",") {
			if kind == "" {
				continue
			}
			if !typeForm.MatchString(kind) || len(all) == maxTypes {
				return nil, whaley.Errorf(
					whaley.Invalid, "type_invalid", "type must be at most %d types of events, like instance_spawn.", maxTypes,
				)
			}
			all = append(all, kind)
		}
	}
	return all, nil
}

// eventQuery reads which events a request is about.
func eventQuery(r *http.Request) (whaley.EventQuery, error) {
	var q whaley.EventQuery
	err := kit.TextParams(r, map[string]*string{
		"instance": &q.Instance, "challenge": &q.Challenge, "owner": &q.Owner, "player": &q.Player, "q": &q.Words,
	})
	if err != nil {
		return q, err
	}
	if q.Types, err = typesOf(r); err != nil {
		return q, err
	}
	if q.From, err = kit.TimeOf(r, "from"); err != nil {
		return q, err
	}
	q.To, err = kit.TimeOf(r, "to")
	return q, err
}

// ListEvents answers GET /admin/api/logs.
func (a Handlers) ListEvents(w http.ResponseWriter, r *http.Request) error {
	q, err := eventQuery(r)
	if err != nil {
		return err
	}
	page, err := kit.PageOf(r)
	if err != nil {
		return err
	}
	q.After, q.Limit = page.After, page.Limit+1
	found, err := a.EventLog.FindEvents(r.Context(), q)
	if err != nil {
		return err
	}
	events, next := kit.PartOf(found, page.Limit, func(ev whaley.Event) string { return ev.ID }, eventOf)
	return kit.Write(w, http.StatusOK, map[string]any{"events": events, "next": next})
}

type eventTypeJSON struct {
	Type  string `json:"type"`
	Level string `json:"level"`
	Count int64  `json:"count"`
}

// GetEventStats answers GET /admin/api/logs/stats.
func (a Handlers) GetEventStats(w http.ResponseWriter, r *http.Request) error {
	stats, err := a.EventStats(r.Context())
	if err != nil {
		return err
	}
	kinds := make([]eventTypeJSON, 0, len(event.Types))
	for kind := range event.Types {
		kinds = append(kinds, eventTypeJSON{kind, event.Level(kind), stats.ByType[kind]})
	}
	for kind, n := range stats.ByType {
		if _, known := event.Types[kind]; !known {
			kinds = append(kinds, eventTypeJSON{kind, event.Level(kind), n})
		}
	}
	slices.SortFunc(kinds, func(a, b eventTypeJSON) int { return strings.Compare(a.Type, b.Type) })
	return kit.Write(w, http.StatusOK, map[string]any{
		"total": stats.Total, "last_24h": stats.LastDay, "owners": stats.Owners, "types": kinds,
	})
}

// maxTypes is how many types of events one filter names.
const maxTypes = 50

// maxReplay is how many missed events a stream begins with.
const maxReplay = 500

// StreamAdminEvents sends every event as it happens; to one who was here before, what it missed first.
func (a Handlers) StreamAdminEvents(w http.ResponseWriter, r *http.Request) error {
	kinds, err := typesOf(r)
	if err != nil {
		return err
	}
	last := r.Header.Get("Last-Event-ID")
	if last != "" && uuid.Validate(last) != nil {
		return whaley.Errorf(whaley.Invalid, "event_id_invalid", "Last-Event-ID is no id of an event.")
	}
	out, err := a.FollowAsAdmin(w, r)
	if err != nil {
		return err
	}
	defer out.Close()
	watch, done := a.EventStream.Watch()
	defer done()
	var missed []whaley.Event
	if last != "" {
		if missed, err = a.EventLog.EventsAfter(r.Context(), last, maxReplay); err != nil {
			return err
		}
	}
	replayed := map[string]bool{}
	send := func(ev whaley.Event) bool {
		return len(kinds) > 0 && !slices.Contains(kinds, ev.Type) || out.Put(ev.ID, "event", eventOf(ev)) == nil
	}
	if out.Breathe() != nil {
		return nil
	}
	for _, ev := range missed {
		replayed[ev.ID] = true
		if !send(ev) {
			return nil
		}
	}
	for {
		if out.Flush() != nil {
			return nil
		}
		select {
		case ev, open := <-watch:
			if !open || !replayed[ev.ID] && !send(ev) {
				return nil // the browser connects again and says what it saw last
			}
		case <-out.Alive.C:
			if out.Breathe() != nil {
				return nil
			}
		case <-out.Done():
			return nil
		}
	}
}
