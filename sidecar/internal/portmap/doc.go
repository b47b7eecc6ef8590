// Package portmap leads ports of the host to services by one nftables table, which the kernel looks up in the same time
// however many there are: no process and no rule of the engine's for each.
//
// It promises: a connection from elsewhere reaches the service with the client's own address, whether the sidecar runs
// or not. What the kernel cannot lead there (from the host's own loopback, by IPv6, or to a port whose instance sleeps)
// comes to a listener of the sidecar's. The table holds exactly what the rows say after every Sync, and is put back
// when somebody changes it.
//
// The engine's own rules drop what it did not publish itself. Its chain DOCKER-USER is where others may allow more, so
// two rules there let pass what this table (or the engine) has led to a bridge of this deployment, and the replies.
// Where the engine keeps its rules elsewhere than in nftables, Put says so, and ports are published by the engine.
package portmap
