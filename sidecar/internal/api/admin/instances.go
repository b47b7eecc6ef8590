package admin

import (
	"encoding/csv"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// adminInstanceJSON is an instance as organisers see it.
type adminInstanceJSON struct {
	kit.InstanceJSON
	Player    string            `json:"player"`
	Revision  string            `json:"revision"`
	StopCause string            `json:"stop_cause"`
	EndedAt   *time.Time        `json:"ended_at"`
	Extended  int               `json:"extended"` // seconds
	Memory    int64             `json:"memory"`   // bytes
	Subnet    string            `json:"subnet"`
	Addresses map[string]string `json:"addresses"`
	Ports     map[string]int    `json:"ports"`
}

func (a Handlers) adminInstance(in *whaley.Instance) adminInstanceJSON {
	j := adminInstanceJSON{
		InstanceJSON: a.Instance(in), Player: in.Player, Revision: in.Revision, StopCause: in.StopCause,
		EndedAt:  kit.Moment(in.EndedAt),
		Extended: int(in.Extended.Seconds()), Memory: in.Memory, Addresses: map[string]string{}, Ports: map[string]int{},
	}
	if in.Subnet.IsValid() {
		j.Subnet = in.Subnet.String()
	}
	for service, address := range in.Addresses {
		j.Addresses[service] = address.String()
	}
	for internal, port := range in.Ports {
		j.Ports[strconv.Itoa(internal)] = port
	}
	return j
}

// selection reads which instances a request is about. Without ?state= these are the live ones.
func selection(r *http.Request) (whaley.InstanceQuery, error) {
	q := whaley.InstanceQuery{}
	for name, into := range map[string]*string{"challenge": &q.Challenge, "owner": &q.Owner, "q": &q.Text} {
		text, err := kit.TextParam(r, name)
		if err != nil {
			return q, err
		}
		*into = text
	}
	var err error
	q.States, err = statesOf(r.URL.Query().Get("state"))
	return q, err
}

// allStates are the states of instances, in the order of a life.
var allStates = append(slices.Clone(whaley.LiveStates), whaley.Stopped, whaley.Failed)

// statesOf reads a list of states; live and all stand for several, nothing for live.
func statesOf(text string) ([]whaley.State, error) {
	switch text {
	case "", "live":
		return whaley.LiveStates, nil
	case "all":
		return nil, nil
	}
	var states []whaley.State
	for part := range strings.SplitSeq(text, ",") {
		if len(states) == len(allStates) || !slices.Contains(allStates, whaley.State(part)) {
			return nil, whaley.Errorf(whaley.Invalid, "state_invalid",
				"state must be live, all, or some of queued, starting, running, sleeping, stopping, stopped, failed, separated by commas.")
		}
		states = append(states, whaley.State(part))
	}
	return states, nil
}

// ListInstances answers GET /admin/api/instances.
func (a Handlers) ListInstances(w http.ResponseWriter, r *http.Request) error {
	q, err := selection(r)
	if err != nil {
		return err
	}
	p, err := kit.PageOf(r)
	if err != nil {
		return err
	}
	q.Limit, q.After = p.Limit, p.After
	if q.Sort, q.Descending, err = orderOf(r); err != nil {
		return err
	}
	all, next, err := a.AdminQueries.Instances(r.Context(), q)
	if err != nil {
		return err
	}
	counts, err := a.AdminQueries.CountInstances(
		r.Context(), whaley.InstanceQuery{Challenge: q.Challenge, Owner: q.Owner, Text: q.Text},
	)
	if err != nil {
		return err
	}
	list := struct {
		Instances []adminInstanceJSON `json:"instances"`
		Counts    map[string]int      `json:"counts"`
		Next      string              `json:"next"`
		Now       time.Time           `json:"now"`
	}{[]adminInstanceJSON{}, byState(counts), next, time.Now().UTC()}
	for _, in := range all {
		list.Instances = append(list.Instances, a.adminInstance(a.Instancer.Staged(in)))
	}
	return kit.Write(w, http.StatusOK, list)
}

// byState counts with a number for every state there is.
func byState(counts map[whaley.State]int) map[string]int {
	all := map[string]int{}
	for _, s := range allStates {
		all[string(s)] = counts[s]
	}
	return all
}

// orderOf reads ?sort=, with a minus before it for the other direction. Without it the latest come first.
func orderOf(r *http.Request) (whaley.InstanceOrder, bool, error) {
	text := r.URL.Query().Get("sort")
	if text == "" {
		text = "-created"
	}
	name, descending := strings.CutPrefix(text, "-")
	order := whaley.InstanceOrder(name)
	if !slices.Contains(whaley.InstanceOrders, order) {
		return "", false, whaley.Errorf(
			whaley.Invalid, "sort_invalid",
			"sort must be created, expires, challenge, owner or state, with - before it for the other direction.",
		)
	}
	return order, descending, nil
}

// GetInstance is one instance with what happened to it and what runs of it.
func (a Handlers) GetInstance(w http.ResponseWriter, r *http.Request) error {
	in, err := a.Instancer.Any(r.Context(), kit.IDOf(r))
	if err != nil {
		return err
	}
	events, err := a.AdminQueries.Events(r.Context(), in.ID)
	if err != nil {
		return err
	}
	detail := struct {
		adminInstanceJSON
		Events     []instanceEventJSON `json:"events"`
		Containers []containerJSON     `json:"containers"`
		Printed    []whaley.Printed    `json:"printed"`
	}{a.adminInstance(a.Instancer.Staged(in)), []instanceEventJSON{}, []containerJSON{}, []whaley.Printed{}}
	printed, err := a.AdminQueries.Printed(r.Context(), in.ID)
	if err != nil {
		return err
	}
	detail.Printed = append(detail.Printed, printed...)
	for _, ev := range events {
		detail.Events = append(detail.Events, instanceEventJSON{ev.Type, ev.Player, ev.Message, ev.At})
	}
	if in.State.Live() {
		objects, err := a.Containers.List(r.Context(), in.ID)
		if err != nil {
			return err
		}
		for _, o := range objects {
			if o.Kind == "container" {
				detail.Containers = append(detail.Containers, containerJSON{o.ID, o.Name, o.Labels.Service, o.Running})
			}
		}
	}
	return kit.Write(w, http.StatusOK, detail)
}

type instanceEventJSON struct {
	Type    string    `json:"type"`
	Player  string    `json:"player"`
	Message string    `json:"message"`
	At      time.Time `json:"at"`
}

type containerJSON struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Service string `json:"service"`
	Running bool   `json:"running"`
}

// StopInstance answers DELETE /admin/api/instances/{id}.
func (a Handlers) StopInstance(w http.ResponseWriter, r *http.Request) error {
	tell(r, whaley.Event{Type: "admin_instance_stop", Instance: kit.IDOf(r), Message: "Stopped by an admin"})
	in, err := a.Instancer.StopAny(r.Context(), kit.IDOf(r))
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusAccepted, a.adminInstance(in))
}

// RestartInstance starts an owner's instance anew, whatever the owner's quota says.
func (a Handlers) RestartInstance(w http.ResponseWriter, r *http.Request) error {
	tell(r, whaley.Event{Type: "admin_instance_restart", Instance: kit.IDOf(r), Message: "restarted: another takes its place"})
	in, err := a.Instancer.RestartAny(r.Context(), kit.IDOf(r), adminOf(r))
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusAccepted, a.adminInstance(in))
}

// ExtendInstance answers POST /admin/api/instances/{id}/extend.
func (a Handlers) ExtendInstance(w http.ResponseWriter, r *http.Request) error {
	tell(r, whaley.Event{Type: "admin_instance_extend", Instance: kit.IDOf(r)})
	in, err := a.Instancer.ExtendAny(r.Context(), kit.IDOf(r), adminOf(r))
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, a.adminInstance(in))
}

type adminSpawnRequest struct {
	ChallengeID string `json:"challenge_id"`
	OwnerID     string `json:"owner_id"`
	OwnerName   string `json:"owner_name"`
}

func (s adminSpawnRequest) Valid() error {
	if s.ChallengeID == "" {
		return whaley.Errorf(whaley.Invalid, "challenge_missing", "challenge_id is missing.")
	}
	if !ownerForm.MatchString(s.OwnerID) {
		return whaley.Errorf(
			whaley.Invalid, "owner_invalid", "owner_id must be the id of a player or team, of letters, digits, _ and -.",
		)
	}
	if len(s.OwnerName) > kit.MaxText || strings.ContainsRune(s.OwnerName, 0) {
		return whaley.Errorf(whaley.Invalid, "owner_invalid", "owner_name must be a text of at most %d bytes.", kit.MaxText)
	}
	return nil
}

// SpawnInstance starts an owner's copy, whatever the owner's quota says.
func (a Handlers) SpawnInstance(w http.ResponseWriter, r *http.Request) error {
	s, err := kit.Decode[adminSpawnRequest](w, r)
	if err != nil {
		return err
	}
	if s.OwnerName == "" {
		s.OwnerName = s.OwnerID
	}
	tell(r, whaley.Event{Type: "admin_instance_spawn", Message: "started for " + s.OwnerName})
	in, err := a.Instancer.SpawnFor(r.Context(), whaley.Owner{ID: s.OwnerID, Name: s.OwnerName}, adminOf(r), s.ChallengeID)
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusAccepted, a.adminInstance(in))
}

// ExportInstances streams what the list shows, all pages of it, as CSV.
func (a Handlers) ExportInstances(w http.ResponseWriter, r *http.Request) error {
	q, err := selection(r)
	if err != nil {
		return err
	}
	q.Limit, q.Sort = kit.MaxPage, whaley.ByCreated
	columns := []string{
		"id", "challenge", "owner_id", "owner_name", "player", "state", "stop_cause", "reason", "created_at", "started_at",
		"expires_at", "ended_at", "extended_seconds", "memory_bytes", "ports",
	}
	return kit.StreamCSV(w, "instances", columns, func(out *csv.Writer) (bool, error) {
		all, next, err := a.AdminQueries.Instances(r.Context(), q)
		for _, in := range all {
			reason := ""
			if in.Reason != nil {
				reason = in.Reason.Code + ": " + in.Reason.Detail
			}
			kit.Row(
				out, in.ID, in.Challenge, in.Owner.ID, in.Owner.Name, in.Player, string(in.State), in.StopCause, reason,
				kit.When(in.CreatedAt), kit.When(in.StartedAt), kit.When(in.ExpiresAt), kit.When(in.EndedAt),
				strconv.Itoa(int(in.Extended.Seconds())), strconv.FormatInt(in.Memory, 10), portList(in.Ports),
			)
		}
		q.After = next
		return next != "", err
	})
}

func portList(ports map[int]int) string {
	var all []string
	for internal, port := range ports {
		all = append(all, strconv.Itoa(internal)+":"+strconv.Itoa(port))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
