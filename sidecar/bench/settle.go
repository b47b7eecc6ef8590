package main

import (
	"context"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
)

const (
	lookFor  = 100 * time.Millisecond
	busy     = 10 // per cent of all processors
	patience = 5 * time.Second
)

// settle waits until what the one before has left to do, networks to remove and sandboxes to make, is done, so that
// each turn is measured by itself. How well many starts go at the same time as that is what the section owners tells.
func settle(ctx context.Context) {
	quiet := 0
	for deadline := time.Now().Add(patience); quiet < 2 && time.Now().Before(deadline); quiet++ {
		used, err := cpu.PercentWithContext(ctx, lookFor, false)
		if err != nil || len(used) != 1 {
			return // nobody can say
		}
		if used[0] > busy {
			quiet = -1
		}
	}
}
