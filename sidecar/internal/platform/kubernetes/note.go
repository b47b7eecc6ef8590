package kubernetes

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	noteTime = 30 * time.Second // for a state to be written down, with tries that fail
	// lookWithin is how long the guests of an instance may take to say how they are.
	lookWithin = time.Second
)

// noting is a state that is being written down.
type noting struct {
	over chan struct{} // closed when it was written, or is not to be any more
	err  error
}

// noteSoon writes down how a program is, after what is being written down of it already. An owner does not wait for
// that: until it is written, and if this process dies before, the guest itself is asked (asTheyAre).
func (p *Platform) noteSoon(id string, s guest.State) *noting {
	n := &noting{over: make(chan struct{})}
	p.mu.Lock()
	before := p.notes[id]
	p.notes[id] = n
	p.mu.Unlock()
	go func() {
		defer close(n.over)
		if before != nil {
			<-before.over
		}
		ctx, cancel := context.WithTimeout(context.Background(), noteTime)
		defer cancel()
		n.err = p.write(ctx, id, s, n)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.notes[id] == n {
			delete(p.notes, id)
		}
	}()
	return n
}

// note writes down how a program is.
func (p *Platform) note(ctx context.Context, id string, s guest.State) error {
	n := p.noteSoon(id, s)
	select {
	case <-n.over:
		return n.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write tries until it is written, its Pod is gone, or there is something newer to write.
func (p *Platform) write(ctx context.Context, id string, s guest.State, n *noting) error {
	retry := loop.Backoff{First: lookPod, Most: noteTime / 4}
	for {
		err := p.patch(ctx, id, s)
		if err == nil || whaley.CodeOf(err) == whaley.CodeObjectMissing {
			return err
		}
		p.mu.Lock()
		latest := p.notes[id] == n
		p.mu.Unlock()
		if !latest || loop.Sleep(ctx, retry.Next()) != nil {
			return err
		}
	}
}

func (p *Platform) patch(ctx context.Context, id string, s guest.State) error {
	pod, container, _ := strings.Cut(id, "/")
	meta := map[string]any{"annotations": map[string]string{noteState + container: string(s)}}
	if s == guest.Running {
		meta["labels"] = map[string]string{labelBegun: "true"}
	}
	patch, err := json.Marshal(map[string]any{"metadata": meta})
	if err != nil {
		return err
	}
	_, err = p.api.CoreV1().Pods(p.options.Namespace).Patch(
		ctx, pod, types.StrategicMergePatchType, patch, metav1.PatchOptions{},
	)
	return translate(err)
}

// asTheyAre corrects Pods in which something is said not to run by what their guests say: that it was started is written
// down after it was, by a process that may have died in between.
func (p *Platform) asTheyAre(ctx context.Context, pods []corev1.Pod) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	for n := range pods {
		for _, c := range pods[n].Spec.Containers {
			if stateOf(&pods[n], c.Name) == guest.Running || gone(&pods[n], c.Name) {
				continue
			}
			k, err := p.knownIn(&pods[n], c.Name)
			if err != nil {
				continue // it has no address yet, so it was told nothing
			}
			if now, err := p.guests(ctx, k.at, k.key, guest.Request{Do: guest.Look}); err == nil && now.State == guest.Running {
				id := serviceID(pods[n].Name, c.Name)
				pods[n].Annotations[noteState+c.Name] = string(guest.Running)
				p.noteSoon(id, guest.Running)
				p.attend(id)
			}
		}
	}
}
