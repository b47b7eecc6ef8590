// Package kubernetes is the platform on a cluster. An instance is one Pod for each of its services, all in one
// namespace; services that share a volume or addresses share a Pod. The first process of every container is the guest,
// which stays there (guest.Ask): it puts in flags and files, runs the program, ends it, starts it again with the files
// that it left, and runs health checks, each in milliseconds, where Kubernetes itself takes seconds or cannot do it.
//
// Promises:
//   - What is there is found by its labels alone; nothing is lost with the process that made it. Keys of guests are
//     derived from a secret and the name of their container, which no other ever has.
//   - Nothing of an owner is in an object of the cluster: flags and variables reach a container through its guest.
//   - A Pod may be reached by its own instance and by the edge, and by nothing else; it may reach its own instance and,
//     with egress, the world without private networks. Which nodes keep that is proved (Nodes) before any Pod is on one.
//   - What Kubernetes cannot do as the engine does is told of each challenge (Notes), or is why it cannot be started
//     (Refusal).
package kubernetes
