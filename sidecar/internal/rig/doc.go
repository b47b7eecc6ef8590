// Package rig starts the real binary behind either edge for programs that measure it, and asks it as a player would. It
// promises that what a run started and left on the engine can be swept away, and touches nothing of anybody else.
package rig
