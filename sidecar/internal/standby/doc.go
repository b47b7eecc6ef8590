// Package standby answers for a sidecar that is not the active one: it passes requests on to the active one, holds them
// while there is none, and serves them itself once it has become it. A player's click is lost neither to a proxy that
// takes both sidecars for active nor to a takeover.
//
// The active one believes of a request that was passed on what the standby saw (the address it came from, its headers
// as they were), by a key that only the two of them and their database know. Such a request is never passed on again.
package standby
