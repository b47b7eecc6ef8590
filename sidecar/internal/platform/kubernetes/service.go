package kubernetes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	// answers is how long a guest may take to be there, once its Pod has an address.
	answers   = 20 * time.Second
	askFirst  = 2 * time.Millisecond // between two tries; it doubles
	askMost   = 100 * time.Millisecond
	stopExtra = 5 * time.Second // beside the grace of what is stopped
	dialTime  = time.Second     // for a guest that was there before
)

// known is where a service is, and what its guest is to be told.
type known struct {
	at      netip.AddrPort
	key     guest.Key
	name    string         // the service's
	message *guest.Message // nil: it was told
	waited  bool           // it has answered before: if it is away now it does not come
}

// find is where a service is; what another process made is looked for.
func (p *Platform) find(ctx context.Context, id string) (known, error) {
	p.mu.Lock()
	k, ok := p.known[id]
	p.mu.Unlock()
	if ok {
		return k, nil
	}
	name, container, _ := strings.Cut(id, "/")
	pod, err := p.api.CoreV1().Pods(p.options.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return k, translate(err)
	}
	if k, err = p.knownIn(pod, container); err != nil {
		return k, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if now, ok := p.known[id]; ok {
		return now, nil
	}
	p.known[id] = k
	return k, nil
}

// knownIn is a service of a Pod by its container.
func (p *Platform) knownIn(pod *corev1.Pod, container string) (known, error) {
	n := slices.IndexFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == container })
	at, err := netip.ParseAddr(pod.Status.PodIP)
	services := servicesOf(pod)
	if n < 0 || n >= len(services) || err != nil {
		return known{}, fmt.Errorf("pod %s has no address for a container %s yet", pod.Name, container)
	}
	return known{
		at: netip.AddrPortFrom(at, uint16(guestPort+n)), name: services[n],
		key: guest.KeyOf(p.options.Secret, serviceID(pod.Name, container)),
	}, nil
}

// made are the services of Pods at their gates, each with what it is told when it is started.
func (p *Platform) made(
	d *design, in *whaley.Instance, plan instancer.Plan, pods []corev1.Pod,
) (all []instancer.Made, err error) {
	at := map[string]*corev1.Pod{}
	for n := range pods {
		for _, service := range servicesOf(&pods[n]) {
			at[service] = &pods[n]
		}
	}
	for n, service := range d.services {
		if service.Relay {
			continue
		}
		pod, container := at[service.Name], containerName(n, service.Name)
		if pod == nil {
			return nil, fmt.Errorf("instance %s has no pod of its service %s", in.ID, service.Name)
		}
		k, err := p.knownIn(pod, container)
		if err == nil {
			k.message, err = d.message(n, p.files, plan.Flags, in.Addresses)
		}
		if err != nil {
			return nil, err
		}
		id := serviceID(pod.Name, container)
		p.mu.Lock()
		p.known[id] = k
		p.mu.Unlock()
		all = append(all, instancer.Made{Service: service.Service, ID: id, Address: in.Addresses[service.Name]})
	}
	return all, nil
}

// StartService has a guest run its program. Its guest knows what that is, once it was told.
func (p *Platform) StartService(ctx context.Context, id string) error {
	k, err := p.find(ctx, id)
	if err != nil {
		return err
	}
	noting := p.noteSoon(id, guest.Running)
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		if <-noting.over; noting.err != nil {
			cancel() // there is no such Pod, or it is not to run any more
		}
	}()
	if err = p.ask(asking, id, k, guest.Request{Do: guest.Start, Message: k.message}); err == nil {
		p.mu.Lock()
		k.message, k.waited = nil, false
		p.known[id] = k
		p.mu.Unlock()
		p.attend(id)
		return nil
	}
	select {
	case <-noting.over:
		err = cmp.Or(noting.err, err)
	default:
	}
	if whaley.CodeOf(err) == whaley.CodeObjectMissing {
		p.forget(id)
		return err
	}
	_ = p.note(context.WithoutCancel(ctx), id, guest.Ended) // at worst whoever looks finds nothing that runs
	var why guest.Outcome
	switch {
	case errors.As(err, &why) && why.Unpatched():
		return whaley.NotPlaced(fmt.Errorf("%s: %w", id, err))
	case errors.As(err, &why):
		return whaley.NotRunnable(k.name, fmt.Errorf("%s: %w", id, err))
	}
	return fmt.Errorf("start %s: %w", id, err)
}

// ask asks a guest that may not be there yet. It does not wait for one whose Pod is gone.
func (p *Platform) ask(ctx context.Context, id string, k known, r guest.Request) error {
	ctx, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	for wait := askFirst; ; wait = min(2*wait, askMost) {
		try, end := context.WithTimeout(ctx, dialTime+r.Grace)
		if r.Do == guest.Start {
			try, end = ctx, func() {}
		}
		_, err := p.guests(try, k.at, k.key, r)
		end()
		if !errors.Is(err, guest.ErrAway) || k.waited {
			return err
		}
		if loop.Sleep(ctx, wait) != nil {
			return fmt.Errorf("the guest of %s at %s: %w", id, k.at, err)
		}
	}
}

// StopService has a guest end its program, by force after a grace; see instancer.Platform.
func (p *Platform) StopService(ctx context.Context, id string, grace time.Duration) error {
	k, err := p.find(ctx, id)
	if whaley.CodeOf(err) == whaley.CodeObjectMissing {
		return nil
	}
	if err != nil {
		return err
	}
	asked, cancel := context.WithTimeout(ctx, grace+stopExtra)
	defer cancel()
	_, err = p.guests(asked, k.at, k.key, guest.Request{Do: guest.Stop, Grace: grace})
	if errors.Is(err, guest.ErrAway) {
		return fmt.Errorf("stop %s: %w", id, err)
	}
	if err = errors.Join(err, p.note(ctx, id, guest.Ended)); whaley.CodeOf(err) == whaley.CodeObjectMissing {
		return nil
	}
	return err
}

// Wait blocks until a program has ended; see instancer.Platform.
func (p *Platform) Wait(ctx context.Context, id string) (int, error) {
	k, err := p.find(ctx, id)
	if err != nil {
		return 0, err
	}
	got, err := p.guests(ctx, k.at, k.key, guest.Request{Do: guest.Wait})
	if err == nil && got.State != guest.Ended {
		err = errors.New("it has not been started")
	}
	if err != nil {
		return 0, fmt.Errorf("wait for the end of %s: %w", id, err)
	}
	return got.Code, nil
}

// Exec runs a command beside a program, as its user; see instancer.Prober.
func (p *Platform) Exec(ctx context.Context, id string, argv []string) (int, error) {
	k, err := p.find(ctx, id)
	if err != nil {
		return 0, err
	}
	got, err := p.guests(ctx, k.at, k.key, guest.Request{Do: guest.Exec, Argv: argv})
	return got.Code, err
}

// Listens says that nobody sees which ports are open in a Pod.
func (p *Platform) Listens(context.Context, string) ([]int, error) {
	return nil, errors.New("which ports are open in a pod is not seen")
}

func (p *Platform) forget(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.known, id)
}
