package instancer

import (
	"slices"
	"testing"
	"time"
)

func TestAScheduleGivesOutWhatIsDueInOrderAndOnce(t *testing.T) {
	d, now := newSchedule(), time.Now()
	d.set("late", now.Add(time.Hour))
	d.set("second", now.Add(-time.Second))
	d.set("first", now.Add(-time.Minute))
	due, next := d.due(now)
	if !slices.Equal(due, []string{"first", "second"}) {
		t.Errorf("due %v", due)
	}
	if next != time.Hour {
		t.Errorf("next in %s, want 1h", next)
	}
	if again, _ := d.due(now); len(again) != 0 {
		t.Errorf("given out twice: %v", again)
	}
}

func TestAScheduleForgetsExtendedAndDroppedOnes(t *testing.T) {
	d, now := newSchedule(), time.Now()
	d.set("extended", now.Add(-time.Second))
	d.set("extended", now.Add(time.Minute))
	d.set("dropped", now.Add(-time.Second))
	d.drop("dropped")
	due, next := d.due(now)
	if len(due) != 0 || next != time.Minute {
		t.Errorf("due %v, next in %s", due, next)
	}
}

func TestAScheduleWakesTheLoopForAnEarlierOne(t *testing.T) {
	d, now := newSchedule(), time.Now()
	d.set("a", now.Add(time.Hour))
	<-d.earlier
	d.set("b", now.Add(2*time.Hour))
	select {
	case <-d.earlier:
		t.Error("woken for a later one")
	default:
	}
	d.set("c", now.Add(time.Minute))
	select {
	case <-d.earlier:
	default:
		t.Error("not woken for an earlier one")
	}
}

func TestAScheduleKeepsOneEntryPerIDHoweverOftenItMoves(t *testing.T) {
	d, now := newSchedule(), time.Now()
	for n := range 10_000 {
		d.set("moved", now.Add(time.Duration(10_000-n)*time.Second))
		d.sooner("hinted", now.Add(time.Duration(n)*time.Second))
	}
	if len(d.heap) != 2 || len(d.at) != 2 {
		t.Errorf("%d moments and %d ids are kept of two", len(d.heap), len(d.at))
	}
	if due, next := d.due(now); !slices.Equal(due, []string{"hinted"}) || next != time.Second {
		t.Errorf("due %v, next in %s", due, next)
	}
	d.keep(func(string) bool { return false })
	if len(d.heap) != 0 || len(d.at) != 0 {
		t.Errorf("%d moments and %d ids are left of none", len(d.heap), len(d.at))
	}
}
