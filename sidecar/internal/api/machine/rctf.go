package machine

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// The protocol of rCTF's Docker instancer: one path, and a body that says what is wanted, for whom, and with which
// token.
const (
	RCTFPath   = "/v1/instances/"
	RCTFGet    = "instancerGetInstanceForm"
	RCTFCreate = "instancerCreateInstanceForm"
	RCTFRenew  = "instancerRenewInstanceForm"
	RCTFDelete = "instancerDeleteInstanceForm"

	rctfBody    = 1 << 20 // bytes
	rctfPlayer  = "rctf"  // who asks, for a team
	rctfOwner   = "rctf_" // and the team's id
	rctfLongest = 7 * 24 * time.Hour
	rctfLeast   = 10 * time.Second
)

var rctfTeam = regexp.MustCompile(`^[A-Za-z0-9-]{1,58}$`)

// rctfForm is what rCTF sends. What it says of containers and ports is for its own instancer: challenges are Whaley's.
type rctfForm struct {
	Kind      string `json:"kind"`
	Token     string `json:"rctfAuthToken"`
	Team      string `json:"teamId"`
	Challenge string `json:"challengeIntegrationId"`
	Timeout   int64  `json:"timeoutMilliseconds"`
	Flags     []struct {
		Flag string `json:"flag"`
	} `json:"flags"`
}

type rctfDetails struct {
	Kind      string         `json:"kind"`
	Status    string         `json:"status"`
	Left      *int64         `json:"timeLeftMilliseconds"`
	Endpoints []rctfEndpoint `json:"endpoints"` // null: there are none
}

type rctfEndpoint struct {
	Kind  string `json:"kind"`
	Host  string `json:"host"`
	Port  int    `json:"port"`
	Title string `json:"title,omitempty"`
	Text  string `json:"text,omitempty"`
	// Own says that it is not one of those that the challenge lists in rCTF, which then are not compared.
	Own bool `json:"bypassExpose"`
}

// RefuseRCTF answers with a refusal in rCTF's own shape.
func RefuseRCTF(e *whaley.Error) kit.Handler {
	return func(w http.ResponseWriter, _ *http.Request) error { return refuseAsRCTF(w, e) }
}

func refuseAsRCTF(w http.ResponseWriter, e *whaley.Error) error {
	return kit.Write(w, kit.Statuses[e.Kind], map[string]string{"kind": "instancerError", "message": e.Detail})
}

// AsRCTF answers one verb, errors in rCTF's own shape.
func (a Handlers) AsRCTF(
	kind string, answer func(*http.Request, rctfForm, whaley.Player) (*whaley.Instance, error),
) kit.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		in, err := a.rctf(w, r, kind, answer)
		if err == nil {
			return kit.Write(w, http.StatusOK, a.RCTFDetails(in))
		}
		var e *whaley.Error
		if !errors.As(err, &e) {
			a.Log.Error("write answer to rctf failed", "kind", kind, "err", err)
			e = whaley.Errorf(whaley.Internal, "internal", "Something went wrong here. Tell an organiser.")
		}
		return refuseAsRCTF(w, e)
	}
}

func (a Handlers) rctf(
	w http.ResponseWriter, r *http.Request, kind string,
	answer func(*http.Request, rctfForm, whaley.Player) (*whaley.Instance, error),
) (*whaley.Instance, error) {
	if a.Opts.RCTFToken == "" {
		return nil, whaley.Errorf(
			whaley.NotFound, "rctf_off", "Whaley is not set up for rCTF: AUTH_MODE=rctf and RCTF_AUTH_TOKEN are needed.",
		)
	}
	var form rctfForm
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, rctfBody)).Decode(&form); err != nil {
		return nil, whaley.Errorf(
			whaley.Invalid, "body_invalid", "The body is not the JSON that is wanted here: %s.", kit.Explain(err),
		)
	}
	got, want := sha256.Sum256([]byte(form.Token)), sha256.Sum256([]byte(a.Opts.RCTFToken))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		if err := a.Limit(r, "rctf", attemptsOfRCTF); err != nil {
			return nil, err
		}
		return nil, whaley.Errorf(whaley.Unauthorized, "rctf_refused", "authToken in rCTF is not RCTF_AUTH_TOKEN.")
	}
	if form.Kind != kind || !rctfTeam.MatchString(form.Team) {
		return nil, whaley.Errorf(
			whaley.Invalid, "form_invalid", "kind must be %s, and teamId letters, digits and hyphens.", kind,
		)
	}
	ch, ok := a.Challenges.Get(form.Challenge)
	if !ok {
		return nil, whaley.Errorf(
			whaley.NotFound, kit.CodeNoChallenge, "Whaley has no challenge %q. challengeIntegrationId in rCTF is its id.",
			form.Challenge,
		)
	}
	if ch.Access == whaley.AccessOwner {
		return nil, whaley.Errorf(whaley.Conflict, "access_owner",
			"The challenge %s has access = \"owner\", and rCTF's players do not sign in to Whaley: take access = \"link\".",
			ch.ID)
	}
	owner := whaley.Owner{ID: rctfOwner + form.Team, Name: form.Team}
	return answer(r, form, whaley.Player{ID: rctfPlayer, Name: form.Team, Owner: owner})
}

// attemptsOfRCTF is how many wrong tokens one address may show in a minute.
const attemptsOfRCTF = 60

// RCTFInstance is a team's instance of a challenge, nil if there is none.
func (a Handlers) RCTFInstance(r *http.Request, challenge string, p whaley.Player) (*whaley.Instance, error) {
	all, err := a.Instancer.List(r.Context(), p)
	at := slices.IndexFunc(all, func(in *whaley.Instance) bool { return in.Challenge == challenge })
	if err != nil || at < 0 {
		return nil, err
	}
	return all[at], nil
}

// RCTFStatus answers POST machine.RCTFPath.
func (a Handlers) RCTFStatus(r *http.Request, form rctfForm, p whaley.Player) (*whaley.Instance, error) {
	return a.RCTFInstance(r, form.Challenge, p)
}

// RCTFStart starts an instance with the flags that rCTF has made for the team. One that is there is answered as it is.
func (a Handlers) RCTFStart(r *http.Request, form rctfForm, p whaley.Player) (*whaley.Instance, error) {
	timeout, err := form.timeout()
	if err != nil {
		return nil, err
	}
	if in, err := a.RCTFInstance(r, form.Challenge, p); err != nil || in != nil && in.State.Live() {
		return in, err
	}
	if ch, ok := a.Challenges.Get(form.Challenge); ok {
		values := make([]string, len(form.Flags))
		for n, f := range form.Flags {
			values[n] = f.Flag
		}
		if err := a.Flags.Give(r.Context(), p.Owner, ch, values); err != nil {
			return nil, err
		}
	}
	in, err := a.Instancer.SpawnFrom(r.Context(), p, form.Challenge, timeout)
	if whaley.CodeOf(err) == whaley.CodeLiveInstance { // asked for twice at once
		return a.RCTFInstance(r, form.Challenge, p)
	}
	return in, err
}

// RCTFExtend answers PATCH machine.RCTFPath.
func (a Handlers) RCTFExtend(r *http.Request, form rctfForm, p whaley.Player) (*whaley.Instance, error) {
	timeout, err := form.timeout()
	if err != nil {
		return nil, err
	}
	in, err := a.RCTFInstance(r, form.Challenge, p)
	if err != nil {
		return nil, err
	}
	if in == nil {
		return nil, whaley.Errorf(whaley.NotFound, whaley.CodeInstanceNotFound, "Nothing runs that could be extended.")
	}
	return a.Instancer.Renew(r.Context(), p, in.ID, timeout)
}

// RCTFStop stops what runs; nothing is no error.
func (a Handlers) RCTFStop(r *http.Request, form rctfForm, p whaley.Player) (*whaley.Instance, error) {
	in, err := a.RCTFInstance(r, form.Challenge, p)
	if err != nil || in == nil || !in.State.Live() || in.State == whaley.Stopping {
		return in, err
	}
	return a.Instancer.Stop(r.Context(), p, in.ID)
}

func (f rctfForm) timeout() (time.Duration, error) {
	if f.Timeout < rctfLeast.Milliseconds() || f.Timeout > rctfLongest.Milliseconds() {
		return 0, whaley.Errorf(
			whaley.Invalid, "timeout_invalid", "timeoutMilliseconds in rCTF must be from %d to %d.", rctfLeast.Milliseconds(),
			rctfLongest.Milliseconds(),
		)
	}
	return time.Duration(f.Timeout) * time.Millisecond, nil
}

// rctfStates are Whaley's in rCTF's words.
var rctfStates = map[whaley.State]string{
	whaley.Queued: "starting", whaley.Starting: "starting", whaley.Running: "running", whaley.Stopping: "stopping",
	whaley.Failed: "errored", whaley.Sleeping: "running",
}

// RCTFDetails is an instance in rCTF's shape.
func (a Handlers) RCTFDetails(in *whaley.Instance) rctfDetails {
	d := rctfDetails{Kind: "instancerInstanceDetails", Status: "stopped"}
	if in == nil || rctfStates[in.State] == "" {
		return d
	}
	d.Status = rctfStates[in.State]
	if in.State.Timed() {
		left := max(0, time.Until(in.ExpiresAt).Milliseconds())
		d.Left = &left
		d.Endpoints = a.RCTFEndpoints(in)
	}
	return d
}

// RCTFEndpoints are the ways into an instance. What rCTF has no kind for is a line of text.
func (a Handlers) RCTFEndpoints(in *whaley.Instance) []rctfEndpoint {
	all := []rctfEndpoint{}
	routes := a.Routes(in.Challenge, in.Routes, in.Owner.ID, in)
	for n, route := range in.Routes {
		e := rctfEndpoint{Host: routes[n].Host, Port: routes[n].Port, Title: route.Name, Own: true}
		switch {
		case route.Connection != "" || route.UDP || route.Type == whaley.RouteCustom:
			e.Kind, e.Text = "raw", routes[n].Hint
		case route.Type == whaley.RouteHTTP:
			e.Kind = a.Opts.Dashboard.Scheme
			e.Port, _ = strconv.Atoi(a.PortOfURL())
		case route.Type == whaley.RouteTCP:
			e.Kind = "tcp-ssl"
		case route.Type == whaley.RoutePort:
			e.Kind, e.Host = "tcp", a.Reachable(a.Opts.Dashboard.Hostname())
		}
		all = append(all, e)
	}
	return all
}
