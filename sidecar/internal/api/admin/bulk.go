package admin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
	"golang.org/x/sync/errgroup"
)

const (
	tokenLife  = 2 * time.Minute
	stopsAside = 8 // at the same time
)

type bulkStopRequest struct {
	IDs   []string `json:"ids"`
	Token string   `json:"token"`
}

func (b bulkStopRequest) Valid() error {
	if len(b.IDs) > kit.MaxPage ||
		slices.ContainsFunc(
			b.IDs, func(id string) bool { return id == "" || len(id) > kit.MaxText || strings.ContainsRune(id, 0) },
		) {
		return whaley.Errorf(whaley.Invalid, "ids_invalid", "ids must be at most %d ids of instances.", kit.MaxPage)
	}
	return nil
}

type bulkStopJSON struct {
	Matching int            `json:"matching"`
	Stopping int            `json:"stopping"`
	ByState  map[string]int `json:"by_state"`
	Token    string         `json:"token"`
	Expires  *time.Time     `json:"expires_at"`
}

// StopInstances stops many at once, in two steps: without a token it says how many these are and gives one, with it
// they are stopped, but none that was asked for after the token.
func (a Handlers) StopInstances(w http.ResponseWriter, r *http.Request) error {
	request, err := kit.Decode[bulkStopRequest](w, r)
	if err != nil {
		return err
	}
	q, err := selection(r)
	if err != nil {
		return err
	}
	q.IDs, q.Limit = request.IDs, kit.MaxPage
	q.States = slices.DeleteFunc(
		slices.Clone(whaley.LiveStates),
		func(s whaley.State) bool { return q.States != nil && !slices.Contains(q.States, s) },
	)
	if len(q.States) == 0 {
		return whaley.Errorf(whaley.Invalid, "state_invalid", "Only live instances can be stopped.")
	}
	if request.Token == "" {
		onlyAsked(r)
		counts, err := a.Books.CountInstances(r.Context(), q)
		if err != nil {
			return err
		}
		now := time.Now()
		answer := bulkStopJSON{ByState: byState(counts), Token: a.bulkToken(now, q), Expires: kit.Moment(now.Add(tokenLife))}
		for _, n := range counts {
			answer.Matching += n
		}
		return kit.Write(w, http.StatusOK, answer)
	}
	if q.Before, err = a.issued(request.Token, q); err != nil {
		return err
	}
	answer, err := a.stopSelected(r, q)
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusAccepted, answer)
}

func (a Handlers) stopSelected(r *http.Request, q whaley.InstanceQuery) (bulkStopJSON, error) {
	answer := bulkStopJSON{}
	counts := map[whaley.State]int{}
	var all []*whaley.Instance
	for more := true; more; more = q.After != "" {
		part, next, err := a.Books.Instances(r.Context(), q)
		if err != nil {
			return answer, err
		}
		all, q.After = append(all, part...), next
	}
	err := a.audit(
		r,
		whaley.Event{
			Type: "admin_instances_stop", Challenge: q.Challenge, Owner: q.Owner,
			Message: fmt.Sprintf("Stopped by an admin: %d", len(all)),
		},
	)
	if err != nil {
		return answer, err
	}
	g, ctx := errgroup.WithContext(r.Context())
	g.SetLimit(stopsAside)
	for _, in := range all {
		answer.Matching++
		counts[in.State]++
		g.Go(func() error {
			_, err := a.Instancer.StopAny(ctx, in.ID)
			if code := whaley.CodeOf(err); code == "instance_not_live" || code == whaley.CodeInstanceNotFound {
				return nil // ended by itself meanwhile
			}
			return err
		})
	}
	answer.Stopping, answer.ByState = answer.Matching, byState(counts)
	return answer, g.Wait()
}

// bulkToken confirms a selection at a moment. Any sidecar of the deployment takes it.
func (a Handlers) bulkToken(at time.Time, q whaley.InstanceQuery) string {
	stamp := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMicro()))
	mac := hmac.New(sha256.New, a.Keys.Code)
	chosen, _ := json.Marshal([]any{"stop", q.States, q.Challenge, q.Owner, q.Text, q.IDs}) // texts can be
	mac.Write(append(stamp, chosen...))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(stamp))
}

// issued is when a token for this selection was made.
func (a Handlers) issued(token string, q whaley.InstanceQuery) (time.Time, error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil && len(raw) > 8 {
		at := time.UnixMicro(int64(binary.BigEndian.Uint64(raw)))
		if age := time.Since(at); hmac.Equal([]byte(token), []byte(a.bulkToken(at, q))) && age >= 0 && age < tokenLife {
			return at, nil
		}
	}
	return time.Time{}, whaley.Errorf(
		whaley.Conflict, "token_refused", "The token is for another selection or older than %s. Ask again without a token.",
		tokenLife,
	)
}
