// Package solver proves that challenges can be solved: it runs their solvers, one after the other, each in a container
// of its own against an instance that is thrown away afterwards, and looks for that instance's own flags in what they
// print.
//
// It promises: a challenge is green only if the flags came out that this very instance has; what was started is taken
// away whatever happens; owners of such instances are in no statistics, quota or scoreboard.
package solver
