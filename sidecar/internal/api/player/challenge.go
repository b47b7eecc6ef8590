package player

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type challengeJSON struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Category    string            `json:"category"`
	Description string            `json:"description"`
	Timeout     int               `json:"timeout"`     // seconds
	ExtendTime  int               `json:"extend_time"` // seconds
	Access      string            `json:"access"`
	Wake        bool              `json:"wake"`
	Closed      bool              `json:"closed"` // only what runs of it is left
	Solved      bool              `json:"solved"`
	OpensAt     *time.Time        `json:"opens_at"` // nil: it is open; else this, its name and its category is all that is told
	Routes      []kit.RouteJSON   `json:"routes"`
	Instance    *kit.InstanceJSON `json:"instance"`
}

// ListChallenges answers GET /challenges.
func (a Handlers) ListChallenges(w http.ResponseWriter, r *http.Request) error {
	p := a.Player(r)
	own, err := a.readOwn(r, p)
	if err != nil {
		return err
	}
	all := []challengeJSON{}
	for _, ch := range a.Challenges.All() {
		in := own.instances[ch.ID]
		why := a.Instancer.Closed(p, ch)
		if (in == nil || !in.State.Live()) && !ch.Inactive && why != nil && why.Code == whaley.CodeNotOpen {
			all = append(all, challengeJSON{
				ID: ch.ID, Name: ch.Name, Category: ch.Category, Access: string(ch.Access), Routes: []kit.RouteJSON{},
				OpensAt: kit.Moment(ch.OpensAt),
			})
			continue
		}
		closed := ch.Inactive || hidden(why)
		if delete(own.instances, ch.ID); closed && (in == nil || !in.State.Live()) {
			continue
		}
		j := a.challenge(ch, p, in, own.flags)
		if !closed {
			j.Routes = a.Routes(ch.ID, ch.Routes, p.Owner.ID, own.ports.with(r.Context(), ch, in))
		}
		j.Closed, j.Solved = closed, own.solved[ch.ID]
		all = append(all, j)
	}
	for _, in := range sortedByID(own.instances) { // of challenges that were taken away
		if in.State.Live() {
			all = append(all, a.leftOver(in, p, own.flags))
		}
	}
	return kit.Write(w, http.StatusOK, map[string]any{"challenges": all, "event": scoreboardEvent(a.Instancer.Event())})
}

// leftOver is a challenge of which there is nothing any more but an owner's instance.
func (a Handlers) leftOver(in *whaley.Instance, p whaley.Player, flags map[string]whaley.FlagState) challengeJSON {
	t := in.Terms
	gone := &whaley.Challenge{
		ID: in.Challenge, Name: cmp.Or(t.Name, in.Challenge), Timeout: t.Timeout, ExtendTime: t.ExtendTime, Access: t.Access,
		Routes: in.Routes,
	}
	j := a.challenge(gone, p, in, flags)
	j.Closed = true
	return j
}

func sortedByID(own map[string]*whaley.Instance) []*whaley.Instance {
	return slices.SortedFunc(
		maps.Values(own), func(a, b *whaley.Instance) int { return strings.Compare(a.Challenge, b.Challenge) },
	)
}

// hidden says whether a challenge that may not be started may not be seen either. While the event is paused players go
// on reading.
func hidden(why *whaley.Error) bool { return why != nil && why.Code != whaley.CodePaused }

// scoreboardEventJSON is when all of it takes place, as the scoreboard says.
type scoreboardEventJSON struct {
	Begins *time.Time `json:"begins_at"`
	Ends   *time.Time `json:"ends_at"`
	Paused bool       `json:"paused"`
}

func scoreboardEvent(e whaley.ScoreboardEvent) scoreboardEventJSON {
	j := scoreboardEventJSON{Paused: e.Paused}
	if !e.Begins.IsZero() {
		j.Begins = &e.Begins
	}
	if !e.Ends.IsZero() {
		j.Ends = &e.Ends
	}
	return j
}

// GetChallenge answers GET /challenges/{id}.
func (a Handlers) GetChallenge(w http.ResponseWriter, r *http.Request) error {
	ch, ok := a.Challenges.Get(kit.IDOf(r))
	p := a.Player(r)
	if !ok || ch.Inactive || hidden(a.Instancer.Closed(p, ch)) {
		return whaley.Errorf(whaley.NotFound, "challenge_not_found", "There is no challenge %q.", kit.IDOf(r))
	}
	own, err := a.readOwn(r, p)
	if err != nil {
		return err
	}
	in := own.instances[ch.ID]
	j := a.challenge(ch, p, in, own.flags)
	j.Solved = own.solved[ch.ID]
	j.Routes = a.Routes(ch.ID, ch.Routes, p.Owner.ID, own.ports.with(r.Context(), ch, in))
	return kit.Write(w, http.StatusOK, j)
}

// owned is what an owner has of challenges, by their ids.
type owned struct {
	instances map[string]*whaley.Instance
	flags     map[string]whaley.FlagState
	solved    map[string]bool
	ports     shownPorts
}

func (a Handlers) readOwn(r *http.Request, p whaley.Player) (own owned, err error) {
	if own.instances, err = a.byChallenge(r, p); err != nil {
		return own, err
	}
	if own.flags, err = a.flagStates(r.Context(), p.Owner.ID); err != nil {
		return own, err
	}
	if own.solved, err = a.solved(r.Context(), p.Owner.ID); err != nil {
		return own, err
	}
	own.ports, err = a.shownPorts(r.Context(), p.Owner.ID)
	return own, err
}

func (a Handlers) byChallenge(r *http.Request, p whaley.Player) (map[string]*whaley.Instance, error) {
	all, err := a.Instancer.List(r.Context(), p)
	own := map[string]*whaley.Instance{}
	for _, in := range all {
		own[in.Challenge] = in
	}
	return own, err
}

func (a Handlers) challenge(
	ch *whaley.Challenge, p whaley.Player, in *whaley.Instance, flags map[string]whaley.FlagState,
) challengeJSON {
	j := challengeJSON{
		ID: ch.ID, Name: ch.Name, Category: ch.Category, Description: ch.Description,
		Timeout: int(ch.Timeout.Seconds()), ExtendTime: int(ch.ExtendTime.Seconds()),
		Access: string(ch.Access), Wake: ch.Wake, Routes: a.Routes(ch.ID, ch.Routes, p.Owner.ID, in),
	}
	if in != nil {
		instance := a.Instance(in).With(flags)
		j.Instance = &instance
	}
	return j
}

// solved names the challenges that an owner has solved.
func (a Handlers) solved(ctx context.Context, owner string) (map[string]bool, error) {
	if a.Cheating == nil || owner == "" {
		return nil, nil
	}
	return a.Cheating.Solved(ctx, owner)
}
