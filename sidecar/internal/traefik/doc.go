// Package traefik puts the routes of running instances into Redis, where Traefik's Redis provider reads them.
//
// It promises: the keys of one instance appear and disappear in one transaction, so no router is ever live without its
// middleware; Traefik is told once per transaction, because key-space notifications make it scan the whole database
// for every key; keys that are always there keep the set from becoming empty, which Traefik would not notice; after
// every reconnect everything is written again. It would break if another writer did not publish, or if other keys
// began with the root.
package traefik
