// Package connect keeps what Whaley writes into CTFd for players: a page that signs them in here without a token copied
// by hand, and the link of each challenge. What organisers or authors have written themselves is never written over
// unless they say so, and all of it can be taken away again.
package connect
