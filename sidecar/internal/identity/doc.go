// Package identity says who asks, and proves it to others: players by address or by CTFd, organisers, sessions of
// browsers, one-time codes between dashboard and instance host, and the tickets that the plugin verifies. All keys are
// derived from one secret.
//
// What CTFd says is remembered for a minute. A CTFd that is slow or away keeps new players out and nobody else.
package identity
