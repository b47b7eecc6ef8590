// Package relay makes an instance's own addresses work inside it: a small container of ours has the names of the
// instance's hosts on its network, and leads what comes to them to the services, with TLS where players have TLS. Its
// certificate is signed by an authority of this deployment, which nobody outside knows, and is good for these names
// alone. Nothing of it can reach anything that the instance's other containers cannot.
package relay
