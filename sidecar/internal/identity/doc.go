// Package identity says who asks, and proves it to others: players by address, one-time codes between dashboard and
// instance host, and the tickets that the plugin verifies. All keys are derived from one secret.
package identity
