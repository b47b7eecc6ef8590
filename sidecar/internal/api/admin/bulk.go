package admin

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
	"golang.org/x/sync/errgroup"
)

const (
	tokenLife = 2 * time.Minute
	bulkAside = 8 // at the same time
)

type bulkRequest struct {
	IDs   []string `json:"ids"`
	Token string   `json:"token"`
}

func (b bulkRequest) Valid() error {
	if len(b.IDs) > kit.MaxPage ||
		slices.ContainsFunc(
			b.IDs, func(id string) bool { return id == "" || len(id) > kit.MaxText || strings.ContainsRune(id, 0) },
		) {
		return whaley.Errorf(whaley.Invalid, "ids_invalid", "ids must be at most %d ids of instances.", kit.MaxPage)
	}
	return nil
}

type bulkJSON struct {
	Matching int            `json:"matching"`
	Stopping int            `json:"stopping"` // that it is done with, whatever it is
	Refused  int            `json:"refused"`
	ByState  map[string]int `json:"by_state"`
	Token    string         `json:"token"`
	Expires  *time.Time     `json:"expires_at"`
}

// bulk is what can be done with many instances at once.
type bulk struct {
	verb   string // of the path and the token
	event  string
	told   string
	states []whaley.State
	do     func(ctx context.Context, id string) error
}

// StopInstances answers POST /admin/api/instances/stop.
func (a Handlers) StopInstances(w http.ResponseWriter, r *http.Request) error {
	return a.inBulk(w, r, bulk{
		"stop", "admin_instances_stop", "Stopped by an admin", whaley.LiveStates, func(ctx context.Context, id string) error {
			_, err := a.Instancer.StopAny(ctx, id)
			return err
		},
	})
}

// RestartInstances answers POST /admin/api/instances/restart.
func (a Handlers) RestartInstances(w http.ResponseWriter, r *http.Request) error {
	by, running := adminOf(r), []whaley.State{whaley.Queued, whaley.Starting, whaley.Running, whaley.Sleeping}
	return a.inBulk(w, r, bulk{
		"restart", "admin_instances_restart", "Restarted by an admin", running, func(ctx context.Context, id string) error {
			_, err := a.Instancer.RestartAny(ctx, id, by)
			return err
		},
	})
}

// ExtendInstances answers POST /admin/api/instances/extend.
func (a Handlers) ExtendInstances(w http.ResponseWriter, r *http.Request) error {
	by := adminOf(r)
	return a.inBulk(w, r, bulk{
		"extend", "admin_instances_extend", "Extended by an admin", []whaley.State{whaley.Running, whaley.Sleeping},
		func(ctx context.Context, id string) error {
			_, err := a.Instancer.ExtendAny(ctx, id, by)
			return err
		},
	})
}

// inBulk does one thing with many, in two steps: without a token it says how many these are and gives one, with it it
// is done, but with none that was asked for after the token.
func (a Handlers) inBulk(w http.ResponseWriter, r *http.Request, act bulk) error {
	request, err := kit.Decode[bulkRequest](w, r)
	if err != nil {
		return err
	}
	q, err := selection(r)
	if err != nil {
		return err
	}
	q.IDs, q.Limit = request.IDs, kit.MaxPage
	q.States = slices.DeleteFunc(
		slices.Clone(act.states),
		func(s whaley.State) bool { return q.States != nil && !slices.Contains(q.States, s) },
	)
	if len(q.States) == 0 {
		return whaley.Errorf(whaley.Invalid, "state_invalid", "No instance in these states can be the subject of %s.", act.verb)
	}
	if request.Token == "" {
		onlyAsked(r)
		counts, err := a.AdminQueries.CountInstances(r.Context(), q)
		if err != nil {
			return err
		}
		now := time.Now()
		answer := bulkJSON{
			ByState: byState(counts), Token: a.bulkToken(act.verb, now, q), Expires: kit.Moment(now.Add(tokenLife)),
		}
		for _, n := range counts {
			answer.Matching += n
		}
		return kit.Write(w, http.StatusOK, answer)
	}
	if q.Before, err = a.issued(act.verb, request.Token, q); err != nil {
		return err
	}
	answer, err := a.doSelected(r, act, q)
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusAccepted, answer)
}

func (a Handlers) doSelected(r *http.Request, act bulk, q whaley.InstanceQuery) (bulkJSON, error) {
	answer := bulkJSON{}
	counts := map[whaley.State]int{}
	var all []*whaley.Instance
	for more := true; more; more = q.After != "" {
		part, next, err := a.AdminQueries.Instances(r.Context(), q)
		if err != nil {
			return answer, err
		}
		all, q.After = append(all, part...), next
	}
	tell(r, whaley.Event{
		Type: act.event, Challenge: q.Challenge, Owner: q.Owner, Message: fmt.Sprintf("%s: %d", act.told, len(all)),
	})
	err := a.Events.Record(r.Context(), whaley.Event{}) // before the first, since each is a transaction of its own
	if err != nil {
		return answer, err
	}
	var refused atomic.Int64
	g, ctx := errgroup.WithContext(r.Context())
	g.SetLimit(bulkAside)
	for _, in := range all {
		answer.Matching++
		counts[in.State]++
		g.Go(func() error {
			switch whaley.CodeOf(act.do(ctx, in.ID)) {
			case "", "instance_not_live", whaley.CodeInstanceNotFound: // ended by itself meanwhile
			default:
				refused.Add(1)
			}
			return ctx.Err()
		})
	}
	err = g.Wait()
	answer.Refused = int(refused.Load())
	answer.Stopping, answer.ByState = answer.Matching-answer.Refused, byState(counts)
	return answer, err
}

// bulkToken confirms a selection at a moment. Any sidecar of the deployment takes it.
func (a Handlers) bulkToken(verb string, at time.Time, q whaley.InstanceQuery) string {
	stamp := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMicro()))
	mac := hmac.New(sha256.New, a.Keys.Code)
	chosen, _ := json.Marshal([]any{verb, q.States, q.Challenge, q.Owner, q.Text, q.IDs}) // texts can be
	mac.Write(append(stamp, chosen...))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(stamp))
}

// issued is when a token for this selection was made.
func (a Handlers) issued(verb, token string, q whaley.InstanceQuery) (time.Time, error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil && len(raw) > 8 {
		at := time.UnixMicro(int64(binary.BigEndian.Uint64(raw)))
		if age := time.Since(at); hmac.Equal([]byte(token), []byte(a.bulkToken(verb, at, q))) && age >= 0 && age < tokenLife {
			return at, nil
		}
	}
	return time.Time{}, whaley.Errorf(
		whaley.Conflict, "token_refused", "The token is for another selection or older than %s. Ask again without a token.",
		tokenLife,
	)
}
