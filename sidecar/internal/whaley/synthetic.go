package whaley

import (
	"strconv"
	"strings"
)

// Beginnings of the ids of owners that are no players: solvers, rehearsals and trials of drafts play for them. What is
// theirs is in no statistics, in no list of events, and nowhere in a scoreboard.
const (
	syntheticPrefix = "synthetic_"
	solverPrefix    = syntheticPrefix + "solver_"
	rehearsalPrefix = syntheticPrefix + "rehearsal_"
	trialPrefix     = syntheticPrefix + "trial_"
)

// Synthetic says whether an owner is none of players.
func Synthetic(owner string) bool { return strings.HasPrefix(owner, syntheticPrefix) }

// SolverOwner is the owner of one run of a solver.
func SolverOwner(run string) Owner { return Owner{ID: solverPrefix + run, Name: "solver"} }

// TrialOwner is the owner of one trial of a draft.
func TrialOwner(trial string) Owner { return Owner{ID: trialPrefix + trial, Name: "trial"} }

// RehearsalTeam is the player of one team of a rehearsal.
func RehearsalTeam(rehearsal string, n int) Player {
	id := RehearsalTeams(rehearsal) + strconv.Itoa(n)
	return Player{ID: id + "_player", Name: "rehearsal", Owner: Owner{ID: id, Name: "rehearsal team " + strconv.Itoa(n)}}
}

// RehearsalOf is the rehearsal that an owner is a team of.
func RehearsalOf(owner string) (rehearsal string, is bool) {
	rest, is := strings.CutPrefix(owner, rehearsalPrefix)
	rehearsal, _, whole := strings.Cut(rest, "_")
	return rehearsal, is && whole
}

// RehearsalTeams begins the ids of all teams of a rehearsal.
func RehearsalTeams(rehearsal string) string { return rehearsalPrefix + rehearsal + "_" }
