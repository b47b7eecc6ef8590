// Package nodes knows on which nodes of a cluster instances may be started: where a canary, a Pod under the same kind
// of policy as an instance, reaches nothing that no instance may reach, neither now nor in its first moments.
//
// The canaries are one DaemonSet in the namespace of the instances, so that nothing has to be allowed but that
// namespace: its Pods say which nodes there are.
//
// It promises: a node of which nothing is proved is not used, nor is one whose proof is old; and what is wrong is said
// with what is missing of the network.
package nodes
