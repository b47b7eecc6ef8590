// Package fairtest lets somebody take all that can be taken, and measures what others notice of it. It holds nothing
// but tests.
package fairtest
