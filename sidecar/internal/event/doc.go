// Package event follows the log of events: streams it to whoever watches, writes it as JSON lines, and forgets what is
// too old. The rows themselves are written by the store, each in the transaction of what it tells.
//
// It promises that a line of the file is written for every event, also for those of a moment when the sidecar died; and
// that nobody who is slow to read keeps a transaction waiting.
package event
