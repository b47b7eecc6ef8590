package kit

import (
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// InstanceJSON is an instance as its player sees it.
type InstanceJSON struct {
	ID            string        `json:"id"`
	ChallengeID   string        `json:"challenge_id"`
	ChallengeName string        `json:"challenge_name"`
	State         string        `json:"state"`
	Stage         string        `json:"stage"`
	Position      int           `json:"position"`
	EstimateMS    int64         `json:"estimate_ms"`
	Owner         OwnerJSON     `json:"owner"`
	Routes        []RouteJSON   `json:"routes"`
	CreatedAt     time.Time     `json:"created_at"`
	StartedAt     *time.Time    `json:"started_at"`
	ExpiresAt     *time.Time    `json:"expires_at"`
	ElapsedMS     int64         `json:"elapsed_ms"`
	Extend        extendJSON    `json:"extend"`
	Problem       *wire.Problem `json:"problem"`
	Flag          string        `json:"flag_state"`
	Version       int64         `json:"version"`
}

type extendJSON struct {
	Step    int        `json:"step"` // seconds
	From    *time.Time `json:"from"`
	Left    int        `json:"left"` // seconds
	Allowed bool       `json:"allowed"`
}

// Instance is an instance as its player sees it, without the states of its flags.
func (a *Surface) Instance(in *whaley.Instance) InstanceJSON {
	now := time.Now()
	j := InstanceJSON{
		ID: in.ID, ChallengeID: in.Challenge, ChallengeName: in.Challenge, State: string(in.State), Stage: in.Stage,
		Position: a.Instancer.Position(in.ID), EstimateMS: a.Instancer.Estimate(in.ID).Milliseconds(),
		Owner:     OwnerJSON{ID: in.Owner.ID, Name: in.Owner.Name},
		CreatedAt: in.CreatedAt, StartedAt: Moment(in.StartedAt), ExpiresAt: Moment(in.ExpiresAt),
		ElapsedMS: max(0, now.Sub(in.Asked()).Milliseconds()), Version: in.Version,
	}
	if in.Terms.Name != "" {
		j.ChallengeName = in.Terms.Name
	}
	j.Routes = a.Routes(in.Challenge, in.Routes, in.Owner.ID, in)
	rule := a.Instancer.Extension(in)
	j.Extend = extendJSON{
		Step: int(rule.Step.Seconds()), From: Moment(rule.From), Left: int(rule.Left.Seconds()),
		Allowed: rule.Step > 0 && !now.Before(rule.From),
	}
	if in.Reason != nil {
		reason := *in.Reason
		reason.RetryAfter = max(0, in.EndedAt.Add(reason.RetryAfter).Sub(now))
		p := ProblemOf(&reason)
		j.Problem = &p
	}
	return j
}

// With adds what is known of the flags in CTFd.
func (j InstanceJSON) With(flags map[string]whaley.FlagState) InstanceJSON {
	j.Flag = string(flags[j.ChallengeID])
	return j
}

// Moment is a time, or nothing for the zero time.
func Moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// OwnerJSON is a player or team by id and name.
type OwnerJSON struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}
