// Package instancer holds the rules of Whaley: who may start and stop an instance, how one is made and removed, and
// what happens when something dies in between. What an instance is stands in package whaley.
//
// Promises:
//   - The row says what should be. Every step on the engine is done after a row that names it and can be repeated or
//     undone by anybody who reads that row; Reconcile does so at start-up and from time to time.
//   - An owner has at most one live instance of a challenge: the store's unique index says so, not a lock here.
//   - At most one job (start or stop) works on an instance in this process, and at most one sidecar: it holds a lease
//     in the row, and what it writes without the lease is refused there.
//   - A restart stops nothing: running instances are adopted, half-made ones are made anew, half-removed ones removed.
//
// It knows no Docker, SQL or Redis and connects to nothing; the interfaces it needs are in needs.go.
package instancer
