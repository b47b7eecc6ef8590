// Package images brings images to the nodes of a cluster: what the engine beside the sidecar has built is pushed to a
// registry with one more layer, which holds the guest, and pulled by every node before any start needs it there.
//
// A pull is a Pod on a node that ends at once. It stays afterwards: it is the record that the node has the image, which
// so needs no memory of ours, and a kubelet that makes room on its disk lets images of Pods alone.
//
// It promises: BuildImage returns when some node that may be used has the image, and not before; a node that is slow,
// full or dead keeps no challenge from being startable on others. What the registry has is known by the engine's id of
// the image and the guest in it, so neither is ever an old one.
package images
