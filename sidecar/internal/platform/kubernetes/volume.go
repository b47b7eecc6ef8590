package kubernetes

import (
	"path"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// volumes adds to a Pod and one of its containers what the service has in memory or shares with others. A volume that
// it has for itself is a folder of its container: that holds what the image has there, and is there as long as the
// container. Only where its root cannot be written it is one of the Pod.
func (d *design) volumes(pod *corev1.Pod, c *corev1.Container, s whaley.Service) {
	add := func(name, target string, readOnly bool, source *corev1.EmptyDirVolumeSource) {
		if !slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == name }) {
			pod.Spec.Volumes = append(
				pod.Spec.Volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: source}},
			)
		}
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: path.Clean(target), ReadOnly: readOnly})
	}
	if s.ShmBytes > 0 {
		add(c.Name+"-shm", "/dev/shm", false, inMemory(s.ShmBytes))
	}
	for n, t := range s.Tmpfs {
		add(c.Name+"-tmp-"+strconv.Itoa(n), t.Target, slices.Contains(t.Options, "ro"), inMemory(t.Bytes))
	}
	several, closed := shared(d.challenge), *c.SecurityContext.ReadOnlyRootFilesystem
	for n, v := range d.challenge.Volumes {
		for _, m := range s.Mounts {
			if m.Volume && m.Source == v && (closed || slices.Contains(several, v)) {
				add("volume-"+strconv.Itoa(n), m.Target, m.ReadOnly, &corev1.EmptyDirVolumeSource{})
			}
		}
	}
	if !closed {
		return
	}
	for n, target := range d.images[s.Name].Volumes {
		if !slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == path.Clean(target) }) {
			add(c.Name+"-image-"+strconv.Itoa(n), target, false, &corev1.EmptyDirVolumeSource{})
		}
	}
}

// folders are those that a service's volumes are in its container, which may not be there.
func (d *design) folders(s whaley.Service) (all []string) {
	for _, m := range s.Mounts {
		if m.Volume {
			all = append(all, path.Clean(m.Target))
		}
	}
	return append(all, d.images[s.Name].Volumes...)
}

func inMemory(bytes int64) *corev1.EmptyDirVolumeSource {
	return &corev1.EmptyDirVolumeSource{
		Medium: corev1.StorageMediumMemory, SizeLimit: resource.NewQuantity(bytes, resource.BinarySI),
	}
}
