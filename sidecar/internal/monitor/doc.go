// Package monitor samples what containers and the host use, in the background, and answers from memory. However many
// containers there are, it asks the engine about a few at a time and leaves it alone for longer than it kept it busy.
package monitor
