// Package traffic counts what goes between the networks of instances and what is outside of them: bytes by the kernel's
// counters of their bridges, whatever way they come, and connections that are held by its table of these. It asks the
// engine nothing. What two services of one instance say to each other is none.
package traffic
