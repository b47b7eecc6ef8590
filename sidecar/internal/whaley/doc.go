// Package whaley holds the words that all other packages share: challenges, instances, owners, players, flags, events,
// errors, and the rows of the store. Its types hold data and what follows from that data alone. It imports nothing else
// of this project and does no I/O, so that every adapter can speak to every other one through it.
package whaley
