// Package edge is the front door when there is no Traefik: the same plugin, compiled in, before the same internal API,
// and TLS by SNI for routes of type tcp. It promises what the plugin promises; what it cannot do is routes of type
// custom, which need an entry point of Traefik's.
package edge
