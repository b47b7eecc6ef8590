package kubernetes

import (
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	// perConnection is what a connection counts, whose bytes nobody counts: more than what is taken for noise.
	perConnection = 1 << 10
	looksAtOnce   = 64
)

var errNotSeen = errors.New("its node shows the guest no counters")

// Traffic is what came to the services that routes lead to, by the counters of their Pods' networks, which their guests
// read. What of one instance cannot be asked is left out.
func (p *Platform) Traffic(ctx context.Context, all []*whaley.Instance) (map[string]whaley.Traffic, error) {
	pods, _, err := p.objects(ctx, "")
	if err != nil {
		return nil, err
	}
	of := map[string][]*corev1.Pod{}
	for n := range pods {
		id := pods[n].Labels[labelInstance]
		of[id] = append(of[id], &pods[n])
	}
	var g errgroup.Group
	g.SetLimit(looksAtOnce)
	var mu sync.Mutex
	seen := map[string]whaley.Traffic{}
	for _, in := range all {
		g.Go(func() error {
			t, err := p.trafficOf(ctx, in, of[in.ID])
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				seen[in.ID] = t
			}
			return nil
		})
	}
	return seen, g.Wait()
}

func (p *Platform) trafficOf(ctx context.Context, in *whaley.Instance, pods []*corev1.Pod) (t whaley.Traffic, err error) {
	ctx, cancel := context.WithTimeout(ctx, usageTime)
	defer cancel()
	led := false
	for _, pod := range pods {
		if !slices.ContainsFunc(in.Routes, func(r whaley.Route) bool { return slices.Contains(servicesOf(pod), r.Service) }) {
			continue
		}
		var opened, asked int64
		held := 0
		for _, c := range pod.Spec.Containers { // one after the other: what asks them is counted as well
			k, err := p.find(ctx, serviceID(pod.Name, c.Name))
			if err != nil {
				return t, err
			}
			now, err := p.guests(ctx, k.at, k.key, guest.Request{Do: guest.Count})
			if err == nil && now.Use == nil {
				err = errNotSeen
			}
			if err != nil {
				return t, err
			}
			opened, asked, held = now.Use.Opened, asked+now.Use.Asked, now.Use.Held
		}
		t.Bytes += uint64(max(0, opened-asked)) * perConnection
		t.Held += held
		led = true
	}
	if !led {
		return t, errNotSeen
	}
	return t, nil
}
