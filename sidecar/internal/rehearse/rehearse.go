package rehearse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	sampleEvery = 2 * time.Second
	cleaning    = 10 * time.Minute
)

// state is how the other side says that it is.
type state struct {
	Live         map[string]int
	Waiting      int
	Starting     int
	Slots        int
	Instances    int
	MaxInstances int             `json:"max_instances"`
	Allowed      int64           `json:"allowed_memory"`
	Budget       int64           `json:"memory_budget"`
	Ports        int             `json:"ports"`
	PortsHeld    int             `json:"ports_held"`
	Subnets      int             `json:"subnets"`
	SubnetsHeld  int             `json:"subnets_held"`
	Connections  int64           `json:"connections"`
	MostInTable  int64           `json:"connections_max"`
	CPU          float64         `json:"host_cpu_percent"`
	Cores        int             `json:"host_cpu_cores"`
	MemoryTotal  int64           `json:"host_memory_total_bytes"`
	MemoryUsed   int64           `json:"host_memory_used_bytes"`
	DiskTotal    int64           `json:"disk_total_bytes"`
	DiskUsed     int64           `json:"disk_used_bytes"`
	Costs        map[string]Cost `json:"costs"`
}

// Run rehearses and says how that went. Nothing is left on the other side when it returns, also when ctx has ended.
func Run(ctx context.Context, o Options) (result Result, err error) {
	profile, err := ProfileNamed(o.Name)
	if err != nil {
		return Result{}, err
	}
	on := Admin(o)
	on.http.Timeout = 2 * cleaning // the end takes long
	var play begun
	if err := on.Call(ctx, http.MethodPost, "/admin/api/rehearsal", map[string]int{"teams": o.Teams}, &play); err != nil {
		return Result{}, fmt.Errorf("begin a rehearsal: %w", err)
	}
	defer func() {
		fmt.Fprintln(o.Out, "Taking everything down …")
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleaning)
		defer cancel()
		if ended := on.takeDown(ctx, play.ID); ended != nil {
			err = errors.Join(err, fmt.Errorf("end the rehearsal (the other side does so itself within a minute): %w", ended))
		}
	}()
	if len(o.Chaos) > 0 && !play.Chaos {
		return Result{}, errors.New(
			"this deployment does not say that parts of it may be killed: set REHEARSE_CHAOS to true in the panel under Settings, and back afterwards",
		)
	}
	fmt.Fprintf(
		o.Out, "%d teams, %d challenges, %s: %s. Ctrl-C stops it.\n", o.Teams, len(play.Teams[0].Challenges), o.Lasts, profile.About,
	)
	seen := newFigures()
	playing, end := context.WithTimeout(ctx, o.Lasts)
	defer end()
	var teams sync.WaitGroup
	for n, t := range play.Teams {
		arrives, sessions := profile.plan(n, len(t.Challenges), o.Lasts)
		one := &team{
			Client: on, number: n, id: play.ID, targets: t.Challenges, seen: seen, web: o.client(n),
			pause: pauseOf(o.Lasts, arrives, len(sessions)*profile.Loads),
		}
		teams.Go(func() { one.play(playing, arrives, sessions, profile.Loads) })
	}
	over := make(chan struct{})
	go func() { teams.Wait(); close(over) }()
	broken := on.breakParts(playing, play.ID, seen)
	samples, err := follow(playing, on, play.ID, seen, over)
	<-over
	end()
	if err == nil {
		err = ctx.Err()
	}
	recoveries := <-broken // what was broken is mended before anything is taken down
	result = resultOf(o, play, seen, samples, recoveries)
	return result, err
}

// pauseOf spreads a team's requests over the time that it has left.
func pauseOf(whole, arrives time.Duration, requests int) time.Duration {
	return min(max((whole-arrives)*2/3/time.Duration(max(1, requests)), 100*time.Millisecond), 10*time.Second)
}

// follow shows how it goes until all teams have played or ctx ends.
func follow(ctx context.Context, on *Client, id string, seen *figures, over <-chan struct{}) (all []Sample, err error) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		var now state
		asking, cancel := context.WithTimeout(ctx, 20*time.Second)
		err := on.Call(asking, http.MethodGet, "/admin/api/rehearsal/"+id, nil, &now)
		cancel()
		var refused *answer
		switch {
		case err == nil:
			all = append(all, Sample{state: now, At: time.Since(seen.began).Seconds(), Running: now.Live["running"]}.shown())
			seen.mu.Lock()
			fmt.Fprintf(
				on.Out, "%5.0f s  %4d running  %3d start  %3d wait  CPU %3.0f %%  memory %3.0f %%  %d requests, %d refused\n",
				time.Since(seen.began).Seconds(), now.Live["running"], now.Starting, now.Waiting, now.CPU,
				part(now.MemoryUsed, now.MemoryTotal), len(allOf(seen.requests)), total(seen.refused),
			)
			seen.mu.Unlock()
		case errors.As(err, &refused) && refused.Code == "rehearsal_over" && len(on.Chaos) > 0:
			on.goOn(ctx, id)
		case errors.As(err, &refused) && refused.Code == "rehearsal_over":
			return all, fmt.Errorf("the other side has ended the rehearsal: %w", err)
		}
		select {
		case <-tick.C:
		case <-over:
			return all, nil
		case <-ctx.Done():
			return all, nil
		}
	}
}

func part(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return 100 * float64(n) / float64(of)
}

func total(of map[string]int) (n int) {
	for _, one := range of {
		n += one
	}
	return n
}
