package whaley

import (
	"slices"
	"time"
)

// Life is when an instance was asked for, ran and ended; zero times: it did not.
type Life struct {
	State                         State
	CreatedAt, StartedAt, EndedAt time.Time
}

// Span is what happened to all instances in a part of a timeline.
type Span struct {
	Until   time.Time     // its end, which belongs to the next part
	Spawned int           // asked for in it
	Failed  int           // failed in it
	Running int           // running at its end
	Median  time.Duration // from being asked for to running, of those that began to run in it; 0: none did
	Slow    time.Duration // the same, of the slowest in twenty
}

// Timeline puts lives into equal parts of the time from begin to end, oldest first.
func Timeline(lives []Life, begin, end time.Time, parts int) []Span {
	line := make([]Span, parts)
	length := end.Sub(begin) / time.Duration(parts)
	took := make([][]time.Duration, parts)
	at := func(t time.Time) (int, bool) {
		if t.IsZero() || t.Before(begin) {
			return 0, false
		}
		n := int(t.Sub(begin) / length)
		return n, n < parts
	}
	for n := range line {
		line[n].Until = begin.Add(time.Duration(n+1) * length)
	}
	for _, life := range lives {
		if n, in := at(life.CreatedAt); in {
			line[n].Spawned++
		}
		if n, in := at(life.EndedAt); in && life.State == Failed {
			line[n].Failed++
		}
		if n, in := at(life.StartedAt); in {
			took[n] = append(took[n], life.StartedAt.Sub(life.CreatedAt))
		}
		for n := range line {
			until := line[n].Until
			if !life.StartedAt.IsZero() && life.StartedAt.Before(until) && (life.EndedAt.IsZero() || !life.EndedAt.Before(until)) {
				line[n].Running++
			}
		}
	}
	for n, all := range took {
		if len(all) > 0 {
			slices.Sort(all)
			line[n].Median, line[n].Slow = all[len(all)/2], all[len(all)*19/20]
		}
	}
	return line
}
