// Package canary tries from inside a Pod what no instance may reach: where clouds tell secrets, the Pod's own node, the
// API server, other Pods. It is part of the program that is in every image, so it has to be small.
//
// It promises: what it says was reached answered a connection, and the first tries begin with the program, so within
// its first hundred milliseconds. A network whose policies hold only later is found by that. It knows nobody who may
// ask it: a policy lets in the sidecar alone, and whoever gets through where none holds could try the same by
// themselves.
package canary
