package docker

import (
	"strings"
	"time"

	"github.com/docker/docker/api/types/filters"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Labels on everything that is ours.
const (
	labelManaged    = whaley.LabelManaged
	labelDeployment = whaley.LabelDeployment
	labelInstance   = whaley.LabelInstance
	labelChallenge  = whaley.LabelChallenge
	labelOwner      = whaley.LabelOwner
	labelRevision   = whaley.LabelRevision
	labelCreatedAt  = whaley.LabelCreatedAt
	labelExpiresAt  = whaley.LabelExpiresAt
	labelGate       = "whaley.gate" // its first program is the guest
	labelProject    = "com.docker.compose.project"
	labelService    = "com.docker.compose.service"
)

// mark is the deployment's id as it is on objects.
func (e *Engine) mark() string {
	if e.purpose == "" {
		return e.deployment
	}
	return e.deployment + "/" + e.purpose
}

func (e *Engine) labels(l instancer.Labels) map[string]string {
	labels := map[string]string{
		labelManaged:    "true",
		labelDeployment: e.mark(),
		labelInstance:   l.Instance,
		labelChallenge:  l.Challenge,
		labelOwner:      l.Owner,
		labelRevision:   l.Revision,
		labelCreatedAt:  l.CreatedAt.UTC().Format(time.RFC3339),
		labelExpiresAt:  l.ExpiresAt.UTC().Format(time.RFC3339),
		labelProject:    l.Instance,
	}
	if l.Service != "" {
		labels[labelService] = l.Service
	}
	return labels
}

// parse reads labels back. They cannot be changed after creation, and containers cannot set them.
func parse(labels map[string]string) instancer.Labels {
	at := func(name string) time.Time {
		t, err := time.Parse(time.RFC3339, labels[name])
		if err != nil {
			return time.Time{}
		}
		return t
	}
	return instancer.Labels{
		Instance: labels[labelInstance], Challenge: labels[labelChallenge], Owner: labels[labelOwner],
		Revision: labels[labelRevision], Service: labels[labelService],
		CreatedAt: at(labelCreatedAt), ExpiresAt: at(labelExpiresAt),
	}
}

// mine selects this deployment's objects, of one instance or (empty) of all.
func (e *Engine) mine(instance string) filters.Args {
	args := filters.NewArgs(filters.Arg("label", labelDeployment+"="+e.mark()))
	if instance != "" {
		args.Add("label", labelInstance+"="+instance)
	}
	return args
}

func trimSlash(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return strings.TrimPrefix(names[0], "/")
}
