package kubernetes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	// guestBytes is what the guest itself takes beside what its program may.
	guestBytes = 16 << 20
	// A node is asked for a part of what a service may use at most, since not all use all at once.
	memoryShare, cpuShare = 4, 10
)

// container is that of the nth service in a Pod, to which its volumes are added.
func (d *design) container(pod *corev1.Pod, n, port int) (corev1.Container, error) {
	service := d.services[n]
	s, image := service.Service, d.images[service.Name]
	name := containerName(n, s.Name)
	order, err := d.order(serviceID(pod.Name, name), s, image, port)
	if err != nil {
		return corev1.Container{}, err
	}
	c := corev1.Container{
		Name: name, Image: image.Reference, ImagePullPolicy: corev1.PullIfNotPresent,
		Command: []string{guest.Folder + "/" + guest.Name}, WorkingDir: s.WorkingDir, TTY: s.TTY, Stdin: s.Stdin,
		// Of its own variables there is none in any object: they are told by the guest.
		Env:             []corev1.EnvVar{{Name: guest.Variable, Value: literal(order)}},
		Resources:       resources(s),
		SecurityContext: security(s, writesRoot(d.challenge, service)),
	}
	d.volumes(pod, &c, s)
	return c, nil
}

// order is what a container is made for, before it is anybody's.
func (d *design) order(id string, s whaley.Service, image Image, port int) (string, error) {
	argv := guest.Program{Entrypoint: image.Entrypoint, Command: image.Command}.Argv(s.Entrypoint, s.Command)
	if len(argv) == 0 {
		return "", whaley.Errorf(
			whaley.Unavailable, "image_command",
			"The image of the challenge's service %s says nothing of what to run. Tell an organiser.", s.Name,
		)
	}
	setting, err := guest.Order{
		Hash: guest.KeyOf(d.secret, id).Hash(), Argv: argv, User: cmp.Or(s.User, image.User), Groups: s.Groups,
		Keep: kept(s), Port: port, Stop: s.StopSignal,
		Home: slices.ContainsFunc(
			slices.Concat(image.Environment, s.Environment),
			func(v string) bool { return strings.HasPrefix(v, "HOME=") && v != "HOME=" },
		),
	}.Setting()
	if err != nil {
		return "", fmt.Errorf("order for %s: %w", id, err)
	}
	return strings.TrimPrefix(setting, guest.Variable+"="), nil
}

// literal is a text of a container's as it comes out when Kubernetes has put in its variables.
func literal(text string) string { return strings.ReplaceAll(text, "$(", "$$(") }

// kept are the capabilities that a service's program has: those that Pods may have at all, see Notes.
func kept(s whaley.Service) []string {
	return slices.DeleteFunc(s.AllCapabilities(), func(c string) bool { return slices.Contains(beyondBaseline, c) })
}

// security is what every container is subject to, whatever its challenge says.
func security(s whaley.Service, writes bool) *corev1.SecurityContext {
	root, readOnly, escalates := int64(0), s.ReadOnly && !writes, s.AllowSetuid
	added := kept(s)
	for _, c := range guest.NeedsToStay {
		if !slices.Contains(added, c) {
			added = append(added, c)
		}
	}
	slices.Sort(added)
	capabilities := &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}
	for _, c := range added {
		capabilities.Add = append(capabilities.Add, corev1.Capability(c))
	}
	return &corev1.SecurityContext{
		RunAsUser: &root, RunAsGroup: &root, // the guest; it becomes the image's user
		ReadOnlyRootFilesystem: &readOnly, AllowPrivilegeEscalation: &escalates, Capabilities: capabilities,
	}
}

// resources are what a service may use, and what a node has to have left for it.
func resources(s whaley.Service) corev1.ResourceRequirements {
	limits, requests := corev1.ResourceList{}, corev1.ResourceList{}
	if bytes := s.Limits.MemoryBytes; bytes > 0 {
		limits[corev1.ResourceMemory] = *resource.NewQuantity(bytes+guestBytes, resource.BinarySI)
		requests[corev1.ResourceMemory] = *resource.NewQuantity(bytes/memoryShare+guestBytes, resource.BinarySI)
	}
	if nano := s.Limits.NanoCPUs; nano > 0 {
		limits[corev1.ResourceCPU] = *resource.NewMilliQuantity(max(1, nano/1e6), resource.DecimalSI)
		requests[corev1.ResourceCPU] = *resource.NewMilliQuantity(max(1, nano/1e6/cpuShare), resource.DecimalSI)
	}
	return corev1.ResourceRequirements{Limits: limits, Requests: requests}
}

// writesRoot says whether the guest has to write into a container's own files: then its root cannot be read only.
func writesRoot(ch *whaley.Challenge, service instancer.PlannedService) bool {
	return len(groups(ch)) > 1 || // names of the others
		service.Flag != nil && service.Flag.Files > 0 ||
		slices.ContainsFunc(service.Mounts, func(m whaley.Mount) bool { return !m.Volume || m.From != "" })
}
