// Package warden bounds what the RUN lines of the engine's BuildKit use. BuildKit's containers are its own: no other
// call of the engine sees them, and none bounds them. It runs as `whaley warden` in a container of the sidecar's
// (docker.withWarden), which sees the host's control groups and processes, for as long as builds go on; there it is
// told by lines of JSON how many these are, and tells what it has ended.
//
// It promises: all RUN lines together have what that many builds may use, from before the first of them begins, where
// the engine keeps them in a group of their own (cgroupfs); and each RUN has what one build may use, moments after it
// began. It would break if an engine named these groups otherwise. What it bounds are the RUN lines of everybody who
// builds with this engine meanwhile; afterwards nobody's.
package warden
