package main

import (
	"testing"
	"time"
)

// roundOf has everything take a millisecond without an attack, and so many with it.
func roundOf(with int) round {
	one := func(n int) map[string][]time.Duration {
		return map[string][]time.Duration{"page": {time.Duration(n) * time.Millisecond}}
	}
	return round{without: one(1), with: one(with)}
}

func TestOneStallOfTheMachineIsNotTheAttack(t *testing.T) {
	f := finding{rounds: []round{roundOf(2), roundOf(30), roundOf(1)}}
	if ratio, least, most := f.ratio("page", 99); ratio != 2 || least != 1 || most != 30 {
		t.Errorf("%g, from %g to %g", ratio, least, most)
	}
	f.rounds = append(f.rounds, roundOf(30), roundOf(20))
	if ratio, _, _ := f.ratio("page", 99); ratio != 20 {
		t.Errorf("most rounds are slow, and it says %g", ratio)
	}
	if ratio, _, _ := f.ratio("start", 95); ratio != 0 {
		t.Errorf("nothing was measured, and it says %g", ratio)
	}
}
