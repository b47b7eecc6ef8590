package kubernetes

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Labels on everything that is ours, as on an engine. What may hold more than a label's value can is an annotation.
const (
	labelManaged    = whaley.LabelManaged
	labelDeployment = whaley.LabelDeployment
	labelInstance   = whaley.LabelInstance
	labelChallenge  = whaley.LabelChallenge
	labelEgress     = "whaley.egress"   // it may reach the outside
	labelBegun      = "whaley.begun"    // it is an owner's, whom a drain of its node must not take it from
	labelNetwork    = "whaley.network." // and the number of one of its challenge's networks

	noteOwner     = whaley.LabelOwner
	noteRevision  = whaley.LabelRevision
	noteCreatedAt = whaley.LabelCreatedAt
	noteExpiresAt = whaley.LabelExpiresAt
	noteServices  = "whaley.services" // those of a Pod, in the order of its containers
	noteState     = "whaley.state/"   // and the name of a container: how its program is, see guest.State
)

// marks are the labels and annotations of an object.
func marks(deployment string, l instancer.Labels) (labels, notes map[string]string) {
	labels = map[string]string{
		labelManaged: "true", labelDeployment: deployment, labelInstance: l.Instance, labelChallenge: l.Challenge,
	}
	notes = map[string]string{
		noteOwner: l.Owner, noteRevision: l.Revision,
		noteCreatedAt: l.CreatedAt.UTC().Format(time.RFC3339), noteExpiresAt: l.ExpiresAt.UTC().Format(time.RFC3339),
	}
	return labels, notes
}

// parse reads them back.
func parse(labels, notes map[string]string) instancer.Labels {
	at := func(name string) time.Time {
		t, err := time.Parse(time.RFC3339, notes[name])
		if err != nil {
			return time.Time{}
		}
		return t
	}
	return instancer.Labels{
		Instance: labels[labelInstance], Challenge: labels[labelChallenge], Owner: notes[noteOwner],
		Revision: notes[noteRevision], CreatedAt: at(noteCreatedAt), ExpiresAt: at(noteExpiresAt),
	}
}

// selector selects a deployment's objects, of one instance or (empty) of all.
func selector(deployment, instance string) string {
	s := labelDeployment + "=" + deployment + "," + labelInstance // what has none is no instance's
	if instance != "" {
		s += "=" + instance
	}
	return s
}

// servicesOf are the services of a Pod, in the order of its containers.
func servicesOf(pod *corev1.Pod) []string { return strings.Split(pod.Annotations[noteServices], ",") }

// stateOf is how the program of one of a Pod's containers is, as it was written down.
func stateOf(pod *corev1.Pod, container string) guest.State {
	return guest.State(pod.Annotations[noteState+container])
}

// serviceID is the id of a service: its Pod and its container.
func serviceID(pod, container string) string { return pod + "/" + container }
