package kubernetes

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// watchAgain is how long after its end a watch is begun again.
const watchAgain = time.Second

// attendants wait at the guests of all programs that run, for these to end.
type attendants struct {
	ctx  context.Context
	send func(instancer.Exit)

	mu   sync.Mutex
	ends map[string]context.CancelFunc // service → what ends its attendant
}

// Exits reports programs that end, Pods that do and nodes that are lost; see instancer.Platform.
func (p *Platform) Exits(ctx context.Context) <-chan instancer.Exit {
	exits := make(chan instancer.Exit)
	all := &attendants{ctx: ctx, ends: map[string]context.CancelFunc{}}
	var sending sync.WaitGroup
	all.send = func(exit instancer.Exit) {
		sending.Add(1)
		defer sending.Done()
		select {
		case exits <- exit:
		case <-ctx.Done():
		}
	}
	p.mu.Lock()
	p.attends = all
	p.mu.Unlock()
	sending.Add(1)
	go func() {
		defer sending.Done()
		for first := true; ; first = false {
			p.watchPods(ctx, all, first)
			if loop.Sleep(ctx, watchAgain) != nil {
				return
			}
		}
	}()
	go func() {
		<-ctx.Done()
		sending.Wait()
		close(exits)
	}()
	return exits
}

// watchPods looks at all Pods and then at what changes, until the watch ends.
func (p *Platform) watchPods(ctx context.Context, all *attendants, first bool) {
	pods := p.api.CoreV1().Pods(p.options.Namespace)
	options := metav1.ListOptions{LabelSelector: selector(p.options.Deployment, "")}
	there, err := pods.List(ctx, options)
	if err != nil {
		if ctx.Err() == nil {
			p.log.Warn("pods cannot be listed", "err", err)
		}
		return
	}
	for n := range there.Items {
		for _, o := range objectsOf(&there.Items[n]) {
			if o.Running {
				p.attend(o.ID)
			}
		}
	}
	if !first {
		all.send(instancer.Exit{}) // what happened meanwhile is not told again
	}
	options.ResourceVersion = there.ResourceVersion
	w, err := pods.Watch(ctx, options)
	if err != nil {
		return
	}
	defer w.Stop()
	defer context.AfterFunc(ctx, w.Stop)()
	for event := range w.ResultChan() {
		pod, ok := event.Object.(*corev1.Pod)
		if !ok {
			return // it is too old
		}
		for _, o := range objectsOf(pod) {
			if o.Ended && stateOf(pod, containerOf(o.ID)) != guest.Ended {
				p.unattend(o.ID)
				all.send(instancer.Exit{Instance: o.Labels.Instance, Service: o.Labels.Service})
			}
		}
	}
}

func containerOf(id string) string {
	_, container, _ := strings.Cut(id, "/")
	return container
}

// attend waits at a service's guest until its program ends, if anybody wants to know.
func (p *Platform) attend(id string) {
	p.mu.Lock()
	all := p.attends
	p.mu.Unlock()
	if all == nil || all.ctx.Err() != nil {
		return
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.ends[id] != nil {
		return
	}
	ctx, end := context.WithCancel(all.ctx)
	all.ends[id] = end
	go func() {
		ended := p.untilEnded(ctx, id)
		p.unattend(id)
		if ended {
			p.tellEnd(all, id)
		}
	}()
}

// untilEnded says whether a program has ended. One whose guest is gone is not told of here: the watch sees its Pod.
func (p *Platform) untilEnded(ctx context.Context, id string) bool {
	for wait := askFirst; ; wait = min(2*wait, watchAgain) {
		k, err := p.find(ctx, id)
		if whaley.CodeOf(err) == whaley.CodeObjectMissing || ctx.Err() != nil {
			return false
		}
		if err == nil {
			var got guest.Reply
			if got, err = p.guests(ctx, k.at, k.key, guest.Request{Do: guest.Wait}); err == nil {
				return got.State == guest.Ended
			}
			if errors.Is(err, guest.ErrAway) {
				p.forgetTold(id)
			}
		}
		if loop.Sleep(ctx, wait) != nil {
			return false
		}
	}
}

// forgetTold has a service be looked for again, unless there is something that only this process can tell it.
func (p *Platform) forgetTold(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known[id].message == nil {
		delete(p.known, id)
	}
}

// tellEnd writes down that a program has ended, and tells of it.
func (p *Platform) tellEnd(all *attendants, id string) {
	name, container, _ := strings.Cut(id, "/")
	pod, err := p.api.CoreV1().Pods(p.options.Namespace).Get(all.ctx, name, metav1.GetOptions{})
	if err != nil {
		return // then the watch tells of it
	}
	if err := p.noteEnd(all.ctx, pod, id); err != nil {
		p.log.Warn("the end of a service is not written down", "service", id, "err", err)
	}
	for _, o := range objectsOf(pod) {
		if containerOf(o.ID) == container {
			all.send(instancer.Exit{Instance: o.Labels.Instance, Service: o.Labels.Service})
		}
	}
}

// noteEnd writes down that a program has ended, unless it was started again meanwhile.
func (p *Platform) noteEnd(ctx context.Context, pod *corev1.Pod, id string) error {
	k, err := p.knownIn(pod, containerOf(id))
	if err != nil {
		return err
	}
	now, err := p.guests(ctx, k.at, k.key, guest.Request{Do: guest.Look})
	if err != nil || now.State != guest.Ended {
		return err
	}
	return p.note(ctx, id, guest.Ended)
}

// unattend ends the wait for a program's end.
func (p *Platform) unattend(id string) {
	p.mu.Lock()
	all := p.attends
	p.mu.Unlock()
	if all == nil {
		return
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	if end := all.ends[id]; end != nil {
		end()
		delete(all.ends, id)
	}
}
