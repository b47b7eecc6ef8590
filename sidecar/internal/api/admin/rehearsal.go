package admin

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	mostTeams   = 2000
	mostTickets = 40000
	startWait   = 50 * time.Second
)

type rehearsalRequest struct {
	Teams int    `json:"teams"`
	ID    string `json:"id"` // of one that a process before has begun; empty: a new one
}

var rehearsalID = regexp.MustCompile(`^([0-9a-f]{32})?$`)

// Valid says what is wrong.
func (q rehearsalRequest) Valid() error {
	if q.Teams < 1 || q.Teams > mostTeams {
		return whaley.Errorf(whaley.Invalid, "teams_invalid", "teams must be from 1 to %d.", mostTeams)
	}
	if !rehearsalID.MatchString(q.ID) {
		return whaley.Errorf(whaley.Invalid, "id_invalid", "id must be that of a rehearsal, or left out.")
	}
	return nil
}

// rehearsalJSON is a rehearsal that has begun.
type rehearsalJSON struct {
	ID    string              `json:"id"`
	Chaos bool                `json:"chaos"` // parts of this deployment may be killed meanwhile: REHEARSE_CHAOS
	Teams []rehearsalTeamJSON `json:"teams"`
}

type rehearsalTeamJSON struct {
	Challenges []rehearsalChallengeJSON `json:"challenges"`
}

// rehearsalChallengeJSON is one way that a team has into its copy of a challenge.
type rehearsalChallengeJSON struct {
	Challenge string `json:"challenge"`
	Type      string `json:"type"`   // of the first route
	URL       string `json:"url"`    // of a web route; empty: there is none
	Ticket    string `json:"ticket"` // for its host
	Memory    int64  `json:"memory"` // bytes that it may use
}

// BeginRehearsal answers POST /admin/api/rehearsal.
func (a Handlers) BeginRehearsal(w http.ResponseWriter, r *http.Request) error {
	if a.Rehearsals == nil {
		return kit.ErrNotFound
	}
	q, err := kit.Decode[rehearsalRequest](w, r)
	if err != nil {
		return err
	}
	var open []*whaley.Challenge
	for _, ch := range a.Challenges.All() {
		if !ch.Inactive && len(ch.Routes) > 0 {
			open = append(open, ch)
		}
	}
	if len(open) == 0 || q.Teams*len(open) > mostTickets {
		return whaley.Errorf(
			whaley.Conflict, "rehearsal_size", "%d teams and %d open challenges are none, or more than %d addresses.", q.Teams,
			len(open), mostTickets,
		)
	}
	id, err := a.Rehearsals.Begin(q.Teams, q.ID)
	if err != nil {
		return err
	}
	begun := rehearsalJSON{ID: id, Teams: make([]rehearsalTeamJSON, q.Teams)}
	begun.Chaos = a.Settings != nil && a.Settings.Now().Config.RehearseChaos
	for n := range begun.Teams {
		p := whaley.RehearsalTeam(id, n)
		for _, ch := range open {
			one := rehearsalChallengeJSON{Challenge: ch.ID, Type: string(ch.Routes[0].Type)}
			for _, s := range ch.Services {
				one.Memory += s.Limits.MemoryBytes
			}
			if ch.Routes[0].Type == whaley.RouteHTTP {
				way := a.Routes(ch.ID, ch.Routes[:1], p.Owner.ID, nil)[0]
				one.URL = way.URL
				if one.Ticket, _, err = a.Tickets.Ticket(p, way.Host); err != nil {
					return err
				}
			}
			begun.Teams[n].Challenges = append(begun.Teams[n].Challenges, one)
		}
	}
	return kit.Write(w, http.StatusCreated, begun)
}

// rehearsalStateJSON is how the host is while a rehearsal goes on.
type rehearsalStateJSON struct {
	Live         map[string]int           `json:"live"` // state → instances
	Waiting      int                      `json:"waiting"`
	Starting     int                      `json:"starting"`
	Slots        int                      `json:"slots"`     // SPAWN_CONCURRENCY
	Instances    int                      `json:"instances"` // of everybody
	MaxInstances int                      `json:"max_instances"`
	Allowed      int64                    `json:"allowed_memory"` // bytes that count for the budget, of everybody
	Budget       int64                    `json:"memory_budget"`
	Ports        int                      `json:"ports"`
	PortsHeld    int                      `json:"ports_held"`
	Subnets      int                      `json:"subnets"`
	SubnetsHeld  int                      `json:"subnets_held"`
	Connections  int64                    `json:"connections"` // in the kernel's table
	MostInTable  int64                    `json:"connections_max"`
	CPU          float64                  `json:"host_cpu_percent"`
	Cores        int                      `json:"host_cpu_cores"`
	MemoryTotal  uint64                   `json:"host_memory_total_bytes"`
	MemoryUsed   uint64                   `json:"host_memory_used_bytes"`
	DiskTotal    uint64                   `json:"disk_total_bytes"`
	DiskUsed     uint64                   `json:"disk_used_bytes"`
	Costs        map[string]challengeCost `json:"costs"` // challenge → measured
}

// challengeCost is what instances of a challenge use, on average.
type challengeCost struct {
	Instances int     `json:"instances"`
	Memory    int64   `json:"memory_bytes"`
	CPU       float64 `json:"cpus"`
}

// GetRehearsal answers GET /admin/api/rehearsal/{id}. Being asked keeps it going.
func (a Handlers) GetRehearsal(w http.ResponseWriter, r *http.Request) error {
	if a.Rehearsals == nil {
		return kit.ErrNotFound
	}
	if err := a.Rehearsals.Heard(kit.IDOf(r)); err != nil {
		return err
	}
	live, err := a.Rehearsals.Live(r.Context(), kit.IDOf(r))
	if err != nil {
		return err
	}
	all, err := a.AdminQueries.LiveRows(r.Context())
	if err != nil {
		return err
	}
	use, err := a.AdminQueries.PortUse(r.Context())
	if err != nil {
		return err
	}
	policy, last := a.Instancer.Policy(), a.Monitor.Last()
	st := rehearsalStateJSON{
		Live: map[string]int{}, Slots: policy.SpawnConcurrency, MaxInstances: policy.Quota.Total, Budget: policy.Quota.Memory,
		Instances: len(live) + len(all), PortsHeld: use.Held, CPU: last.Host.CPU, Cores: last.Host.Cores,
		MemoryTotal: last.Host.MemoryTotal, MemoryUsed: last.Host.MemoryUsed, DiskTotal: last.Host.DiskTotal,
		DiskUsed: last.Host.DiskUsed, Costs: a.costs(), Connections: last.Host.Connections, MostInTable: last.Host.MostInTable,
	}
	if a.Settings != nil {
		c := a.Settings.Now().Config
		st.Ports = c.PortRangeEnd - c.PortRangeStart + 1
	}
	if a.Subnets != nil {
		if st.SubnetsHeld, st.Subnets, err = a.Subnets(r.Context()); err != nil {
			return err
		}
	}
	st.Waiting, st.Starting = a.Instancer.Queue()
	for _, in := range live {
		st.Live[string(in.State)]++
		st.Allowed += in.Needs()
	}
	for _, row := range all {
		st.Allowed += row.Needs()
	}
	return kit.Write(w, http.StatusOK, st)
}

// costs are what running instances use by challenge, as last sampled.
func (a Handlers) costs() map[string]challengeCost {
	all := map[string]challengeCost{}
	for _, in := range a.Monitor.Last().Instances {
		if !in.Sampled || in.Row.State != whaley.Running {
			continue
		}
		c := all[in.Row.Challenge]
		c.Instances++
		c.Memory += in.Memory
		c.CPU += in.CPU / 100
		all[in.Row.Challenge] = c
	}
	for id, c := range all {
		c.Memory /= int64(c.Instances)
		c.CPU /= float64(c.Instances)
		all[id] = c
	}
	return all
}

type actRequest struct {
	Team      int    `json:"team"`
	Challenge string `json:"challenge"`
	Do        string `json:"do"`
}

// Valid says what is wrong.
func (q actRequest) Valid() error {
	if q.Do != "start" && q.Do != "stop" {
		return whaley.Errorf(whaley.Invalid, "do_invalid", "do must be start or stop.")
	}
	return nil
}

// rehearsalInstanceJSON is what a team has now.
type rehearsalInstanceJSON struct {
	State string `json:"state"`
	Port  int    `json:"port"` // of the host, of the first route of type port; 0: none
}

// ActInRehearsal answers POST /admin/api/rehearsal/{id}/act: it starts a team's copy as its dashboard would, and waits
// until it runs, or stops it.
func (a Handlers) ActInRehearsal(w http.ResponseWriter, r *http.Request) error {
	if a.Rehearsals == nil {
		return kit.ErrNotFound
	}
	q, err := kit.Decode[actRequest](w, r)
	if err != nil {
		return err
	}
	p, err := a.Rehearsals.Team(kit.IDOf(r), q.Team)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), startWait)
	defer cancel()
	if q.Do == "start" {
		in, err := a.Instancer.Spawn(ctx, p, q.Challenge)
		if err != nil {
			return err
		}
		return a.answerStarted(ctx, w, in)
	}
	live, err := a.Rehearsals.Live(ctx, kit.IDOf(r))
	if err != nil {
		return err
	}
	for _, in := range live {
		if in.Owner.ID == p.Owner.ID && in.Challenge == q.Challenge {
			if _, err := a.Instancer.Stop(ctx, p, in.ID); err != nil {
				return err
			}
		}
	}
	return kit.Write(w, http.StatusOK, rehearsalInstanceJSON{State: string(whaley.Stopping)})
}

func (a Handlers) answerStarted(ctx context.Context, w http.ResponseWriter, in *whaley.Instance) error {
	now, err := a.Instancer.AwaitState(ctx, in, whaley.Running)
	if err != nil && ctx.Err() == nil {
		return err
	}
	if now.State == whaley.Failed && now.Reason != nil {
		return now.Reason
	}
	answer := rehearsalInstanceJSON{State: string(now.State)}
	for _, r := range now.Routes {
		if r.Type == whaley.RoutePort && !r.UDP && answer.Port == 0 {
			answer.Port = now.Ports[r.Port]
		}
	}
	return kit.Write(w, http.StatusOK, answer)
}

// EndRehearsal answers DELETE /admin/api/rehearsal/{id}, once nothing of it is left.
func (a Handlers) EndRehearsal(w http.ResponseWriter, r *http.Request) error {
	if a.Rehearsals == nil {
		return kit.ErrNotFound
	}
	if err := a.Rehearsals.End(context.WithoutCancel(r.Context()), kit.IDOf(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// rehearses says whether a request is one of many that a rehearsal under way consists of, by the name that only its
// command knows. They are neither counted nor recorded.
func (a Handlers) rehearses(r *http.Request) bool {
	rest, ours := strings.CutPrefix(r.URL.Path, "/admin/api/rehearsal/")
	id, _, _ := strings.Cut(rest, "/")
	return ours && a.Rehearsals != nil && a.Rehearsals.Plays(whaley.RehearsalTeams(id))
}
