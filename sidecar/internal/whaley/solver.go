package whaley

import "time"

// Solver is what proves that a challenge can be solved: it gets the addresses of an instance and prints its flags.
type Solver struct {
	Image   string   // what it runs in; empty: the image of Service
	Build   *Build   // what Image is built of; nil: it is one that there is
	Service string   // whose image it runs in
	Command []string // in the challenge's folder
	Timeout time.Duration
	Named   bool // instance.toml has a [solver]; false: a file of the usual name lies there
	Health  bool // it prints no flag: that it ends with exit code 0 is all that it says
	Inside  bool // it is in the network of Service itself, whose ports it finds at 127.0.0.1
}

// SolverState is what the last run of a solver has shown.
type SolverState string

// States of a run.
const (
	SolverGreen   SolverState = "green"   // the instance's own flags came out
	SolverRed     SolverState = "red"     // they did not
	SolverUnknown SolverState = "unknown" // it could not be run: nothing is known of the challenge
)

// Causes of a run.
const (
	SolveBuilt    = "build"    // there are new images
	SolveInterval = "interval" // it was time again
	SolveAsked    = "asked"    // an organiser wanted to know
	SolveOpening  = "opening"  // the challenge is about to be opened
)

// SolverRun is one run of a challenge's solver.
type SolverRun struct {
	ID        string
	Challenge string
	Revision  string // of the instance
	State     SolverState
	Reason    string // for people; empty if green
	Cause     string
	At        time.Time     // when it was begun
	Started   time.Duration // until the instance ran
	Took      time.Duration // of the solver itself
	Output    string        // the end of what it printed
}

// SolverJob is what a platform runs for a solver.
type SolverJob struct {
	Instance *Instance
	Service  string // of the instance, on whose network it is
	Image    string
	Command  []string
	Env      []string
	Dir      string // the challenge's folder, which it may read
	Inside   bool   // it is in the service's own network, not beside it
}
