package main

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	lookEvery = 100 * time.Millisecond
	busy      = 0.1 // of all processors
	patience  = 5 * time.Second
)

// settle waits until what the one before has left to do, networks to remove and sandboxes to make, is done, so that each
// turn is measured by itself. How well many starts go at the same time as that is what the section owners tells.
func settle(ctx context.Context) {
	for deadline, quiet := time.Now().Add(patience), 0; quiet < 2 && time.Now().Before(deadline); {
		idle, all := processors()
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookEvery):
		}
		idleNow, allNow := processors()
		if quiet++; float64(allNow-all-(idleNow-idle)) > busy*float64(allNow-all) {
			quiet = 0
		}
	}
}

// processors is how long they had nothing to do, and altogether, in ticks, from proc(5).
func processors() (idle, all int) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	for n, field := range strings.Fields(line) {
		ticks, _ := strconv.Atoi(field) // the first is a name
		all += ticks
		if n == 4 || n == 5 { // idle, and waiting for a disk
			idle += ticks
		}
	}
	return idle, all
}
