// Package forensics keeps what instances printed: by itself when one ends, or live when an organiser asks.
//
// A file appears whole or not at all, and its row after it. What has no row is removed; a row without its file says so
// when it is read. Nothing here can keep an instance from being taken down for longer than the caller allows: not an
// engine that hangs, not a disk that is full.
package forensics
