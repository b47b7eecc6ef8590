package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	labelRole = whaley.LabelRole
	rolePull  = "pull"         // a Pod that ends at once, and is the record that its node has an image
	imageName = "whaley.image" // annotation: what the image is called on the engine

	lookAgain = time.Second      // between two looks at pulls that were awaited
	tryAgain  = 20 * time.Second // after a pull that failed on a node, which the kubelet does not try again by itself
	apiTime   = 10 * time.Second
)

// Bring has all nodes pull an image and returns when one that may be used has it.
func (p *Pulls) Bring(ctx context.Context, name, reference string, log io.Writer) error {
	if err := p.forget(ctx, func(pod *core.Pod) bool {
		return pod.Annotations[imageName] == name && imageOf(pod) != reference
	}); err != nil {
		return err
	}
	said := map[string]string{}
	for {
		if err := p.pull(ctx, name, reference, log, said); err != nil {
			return err
		}
		usable, have := p.nodes.Usable(), p.Have(reference)
		if slices.ContainsFunc(have, func(n string) bool { return slices.Contains(usable, n) }) {
			fmt.Fprintf(log, "%d of %d nodes have it\n", len(have), len(p.nodes.All()))
			return nil
		}
		if err := p.changed.Wait(ctx, lookAgain); err != nil {
			return fmt.Errorf("bring %s to a node: %d of %d nodes have it, none of which may be used: %w", reference, len(have), len(p.nodes.All()), err)
		}
	}
}

// Have are the nodes that have an image.
func (p *Pulls) Have(reference string) (nodes []string) {
	for _, pod := range p.pods() {
		if imageOf(pod) == reference && pod.Status.Phase == core.PodSucceeded {
			nodes = append(nodes, pod.Spec.NodeName)
		}
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// Names are the images that nodes pull or have, as the engine calls them.
func (p *Pulls) Names() (names []string) {
	for _, pod := range p.pods() {
		names = append(names, pod.Annotations[imageName])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Forget removes the records of an image: nodes may remove it then.
func (p *Pulls) Forget(ctx context.Context, name string) error {
	return p.forget(ctx, func(pod *core.Pod) bool { return pod.Annotations[imageName] == name })
}

func (p *Pulls) forget(ctx context.Context, which func(*core.Pod) bool) error {
	for _, pod := range p.pods() {
		if !which(pod) {
			continue
		}
		if err := p.remove(ctx, pod); err != nil {
			return err
		}
	}
	return nil
}

func (p *Pulls) remove(ctx context.Context, pod *core.Pod) error {
	ctx, cancel := context.WithTimeout(ctx, apiTime)
	defer cancel()
	uid := meta.DeleteOptions{Preconditions: &meta.Preconditions{UID: &pod.UID}}
	err := p.client.CoreV1().Pods(p.namespace).Delete(ctx, pod.Name, uid)
	if err != nil && !errors.IsNotFound(err) && !errors.IsConflict(err) {
		return fmt.Errorf("remove the Pod %s: %w", pod.Name, err)
	}
	return nil
}

// pull has each node pull an image that it does not have and does not pull by now, and says what is new about it.
func (p *Pulls) pull(ctx context.Context, name, reference string, log io.Writer, said map[string]string) error {
	on := map[string]*core.Pod{}
	for _, pod := range p.pods() {
		if imageOf(pod) == reference {
			on[pod.Spec.NodeName] = pod
		}
	}
	for _, node := range p.nodes.All() {
		pod := on[node]
		if pod == nil {
			if err := p.create(ctx, p.pod(name, reference, node)); err != nil {
				return err
			}
			continue
		}
		if how := progress(pod); how != "" && said[node] != how {
			said[node] = how
			fmt.Fprintf(log, "node %s: %s\n", node, how)
		}
		if pod.Status.Phase == core.PodFailed && time.Since(pod.CreationTimestamp.Time) > tryAgain {
			if err := p.remove(ctx, pod); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *Pulls) create(ctx context.Context, pod *core.Pod) error {
	ctx, cancel := context.WithTimeout(ctx, apiTime)
	defer cancel()
	if _, err := p.client.CoreV1().Pods(p.namespace).Create(ctx, pod, meta.CreateOptions{}); err != nil && !errors.IsAlreadyExists(err) {
		return fmt.Errorf("have node %s pull %s: %w", pod.Spec.NodeName, imageOf(pod), err)
	}
	return nil
}

// Run has nodes that join pull all that others have, and those that failed try again, until ctx ends.
func (p *Pulls) Run(ctx context.Context) error {
	p.watch(ctx)
	loop.Every(ctx, tryAgain, func() {
		wanted := map[string]string{}
		for _, pod := range p.pods() {
			wanted[imageOf(pod)] = pod.Annotations[imageName]
		}
		for reference, name := range wanted {
			if err := p.pull(ctx, name, reference, io.Discard, map[string]string{}); err != nil && ctx.Err() == nil {
				p.log.Error("cannot have nodes pull an image", "image", name, "err", err)
			}
		}
	})
	return nil
}

// progress is what a Pod says of its pull, in words for who waits for it.
func progress(pod *core.Pod) string {
	switch pod.Status.Phase {
	case core.PodSucceeded:
		return "has it"
	case core.PodFailed:
		return fmt.Sprintf("failed: %s %s", pod.Status.Reason, pod.Status.Message)
	}
	for _, c := range pod.Status.ContainerStatuses {
		if w := c.State.Waiting; w != nil && w.Message != "" {
			return w.Reason + ": " + w.Message
		}
	}
	return ""
}

func imageOf(pod *core.Pod) string { return pod.Spec.Containers[0].Image }

// pod is one pull. Its node is said and not chosen, as a scheduler would see no difference between nodes.
func (p *Pulls) pod(name, reference, node string) *core.Pod {
	sum := sha256.Sum256([]byte(p.deployment + "\n" + reference + "\n" + node))
	no, yes, grace := false, true, int64(0)
	return &core.Pod{
		ObjectMeta: meta.ObjectMeta{
			Name: "whaley-pull-" + hex.EncodeToString(sum[:10]), Namespace: p.namespace,
			Labels:      map[string]string{labelDeployment: p.deployment, labelRole: rolePull},
			Annotations: map[string]string{imageName: name},
		},
		Spec: core.PodSpec{
			NodeName: node, RestartPolicy: core.RestartPolicyNever, TerminationGracePeriodSeconds: &grace,
			AutomountServiceAccountToken: &no, EnableServiceLinks: &no, DNSPolicy: core.DNSDefault,
			SecurityContext: &core.PodSecurityContext{SeccompProfile: &core.SeccompProfile{Type: core.SeccompProfileTypeRuntimeDefault}},
			Tolerations:     []core.Toleration{{Operator: core.TolerationOpExists}},
			Containers: []core.Container{{
				Name: rolePull, Image: reference, ImagePullPolicy: core.PullIfNotPresent,
				Command: []string{guest.Folder + "/" + guest.Name, "exit"},
				SecurityContext: &core.SecurityContext{
					AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes, Capabilities: &core.Capabilities{Drop: []core.Capability{"ALL"}},
				},
			}},
		},
	}
}
