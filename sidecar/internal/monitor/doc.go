// Package monitor samples what containers and the host use, in the background, and answers from memory. However many
// containers there are, it asks the engine about some at a time and then leaves it alone for at least as long.
package monitor
