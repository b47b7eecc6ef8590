package rehearse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	longestFault = 2 * time.Minute // of a command that breaks something and mends it
	longestBack  = 2 * time.Minute // until Whaley answers again
	askEvery     = 500 * time.Millisecond
	inARow       = 4 // answers after which it is there again
)

// Fault is a command that breaks a part of the deployment, waits, and mends it. It is run to its end whatever happens.
type Fault struct{ Name, Command string }

// faults break containers of Compose, and the engine's process, which is stopped and goes on. Instances carry the labels of
// Compose too, and a challenge may well have a service called redis.
const (
	container = `ids=$(docker ps --filter label=com.docker.compose.service=%s --format '{{.ID}} {{.Label "whaley.managed"}}' | awk 'NF == 1')
[ -n "$ids" ] || { echo "no container of this service runs here"; exit 1; }
docker kill $ids; sleep 5; docker start $ids`
	engineStops = `pid=$(pidof dockerd) && kill -STOP $pid && { sleep 8; kill -CONT $pid; }`
)

// FaultOf reads what is to fail: sidecar, redis, postgres or ctfd as Compose runs them here, engine, or name=command.
func FaultOf(text string) (Fault, error) {
	name, command, own := strings.Cut(text, "=")
	switch {
	case own && name != "" && command != "":
		return Fault{name, command}, nil
	case name == "sidecar" || name == "redis" || name == "postgres" || name == "ctfd":
		return Fault{name, fmt.Sprintf(container, name)}, nil
	case name == "engine":
		return Fault{name, engineStops}, nil
	}
	return Fault{}, fmt.Errorf(
		"there is no fault %q: take sidecar, redis, postgres, ctfd or engine, or name=command that breaks something and mends it", text,
	)
}

// Recovery is how Whaley took the failure of a part.
type Recovery struct {
	Name   string  `json:"name"`
	At     float64 `json:"at_s"`
	Lasted float64 `json:"lasted_s"` // until it was mended and Whaley answered
	Away   float64 `json:"away_s"`   // how long its API did not answer
	Back   bool    `json:"back"`
	Note   string  `json:"note,omitempty"` // what the command said that failed

	// What players met meanwhile, which is in no other figure.
	Wakes    Times `json:"wakes"`
	Requests Times `json:"requests"`
	Failed   int   `json:"failed"`
	seen     *trouble
}

// String is for people.
func (r Recovery) String() string {
	text := fmt.Sprintf(
		"%s after %.0f s, mended %.0f s later: no answer for %.1f s, %d wakes and requests failed", r.Name, r.At, r.Lasted, r.Away, r.Failed,
	)
	for _, s := range []struct {
		what string
		Times
	}{{"wakes", r.Wakes}, {"requests", r.Requests}} {
		if s.Count > 0 {
			text += fmt.Sprintf(", %d %s took %d / %d / %d ms", s.Count, s.what, s.MS[0], s.MS[1], s.MS[2])
		}
	}
	if !r.Back {
		text += fmt.Sprintf(", not back within %s", longestBack)
	}
	if r.Note != "" {
		text += ". Its command failed: " + r.Note
	}
	return text
}

// breakParts has one part after the other fail, spread over the rehearsal. What it sends comes once all that was broken
// is mended, soon after ctx ends.
func (a *Client) breakParts(ctx context.Context, id string, seen *figures) <-chan []Recovery {
	done := make(chan []Recovery, 1)
	go func() {
		var all []Recovery
		for n, f := range a.Chaos {
			at := a.Lasts * time.Duration(n+1) / time.Duration(len(a.Chaos)+1)
			if sleep(ctx, at-time.Since(seen.began)) != nil {
				break
			}
			r := &Recovery{Name: f.Name, At: time.Since(seen.began).Seconds()}
			fmt.Fprintf(a.Out, "%5.0f s  %s fails\n", r.At, f.Name)
			r.seen = seen.breaks()
			a.breakOne(ctx, id, f, r)
			seen.mended(r.seen)
			r.Lasted = time.Since(seen.began).Seconds() - r.At
			fmt.Fprintf(a.Out, "%5.0f s  %s is there again, Whaley did not answer for %.1f s\n", r.At+r.Lasted, f.Name, r.Away)
			all = append(all, *r)
		}
		done <- all
	}()
	return done
}

// breakOne runs a fault's command, and asks until Whaley answers again.
func (a *Client) breakOne(ctx context.Context, id string, f Fault, r *Recovery) {
	mended := make(chan error, 1)
	go func() { mended <- runFault(context.WithoutCancel(ctx), f) }()
	running, good, away := true, 0, time.Duration(0)
	last, giveUp := time.Now(), time.Now().Add(longestFault+longestBack)
	for running || good < inARow {
		asking, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := a.Call(asking, http.MethodGet, "/admin/api/rehearsal/"+id, nil, nil)
		cancel()
		now := time.Now()
		if good++; err != nil {
			good, away = 0, away+now.Sub(last)
			a.goOn(ctx, id)
		}
		if last = now; now.After(giveUp) || ctx.Err() != nil {
			break
		}
		select {
		case err := <-mended:
			running, giveUp = false, time.Now().Add(longestBack)
			if err != nil {
				r.Note = err.Error()
			}
		case <-time.After(askEvery):
		}
	}
	if running {
		if err := <-mended; err != nil {
			r.Note = err.Error()
		}
	}
	r.Away, r.Back = away.Seconds(), good > 0 || ctx.Err() != nil
}

// runFault runs a command in a group of its own, so that a Ctrl-C that is meant for this program does not end it halfway.
func runFault(ctx context.Context, f Fault) error {
	ctx, cancel := context.WithTimeout(ctx, longestFault)
	defer cancel()
	command := exec.CommandContext(ctx, "sh", "-c", f.Command)
	command.SysProcAttr, command.WaitDelay = &syscall.SysProcAttr{Setpgid: true}, time.Second
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// goOn tells a sidecar that knows nothing of a rehearsal, since it has just been started, that it goes on.
func (a *Client) goOn(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_ = a.Call(ctx, http.MethodPost, "/admin/api/rehearsal", map[string]any{"teams": a.Teams, "id": id}, nil) // or the next time
}

// takeDown ends a rehearsal. What was broken on purpose may need a moment until it answers.
func (a *Client) takeDown(ctx context.Context, id string) error {
	for tries := 0; ; tries++ {
		err := a.Call(ctx, http.MethodDelete, "/admin/api/rehearsal/"+id, nil, nil)
		var refused *answer
		if err == nil || len(a.Chaos) == 0 || errors.As(err, &refused) && refused.Status < http.StatusInternalServerError {
			return err
		}
		if waited := sleep(ctx, time.Second); waited != nil {
			return err
		}
	}
}
