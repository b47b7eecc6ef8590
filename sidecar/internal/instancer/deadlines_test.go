package instancer

import (
	"slices"
	"testing"
	"time"
)

func TestDeadlinesGiveOutWhatIsDueInOrderAndOnce(t *testing.T) {
	d, now := newDeadlines(), time.Now()
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

func TestDeadlinesForgetExtendedAndDroppedOnes(t *testing.T) {
	d, now := newDeadlines(), time.Now()
	d.set("extended", now.Add(-time.Second))
	d.set("extended", now.Add(time.Minute))
	d.set("dropped", now.Add(-time.Second))
	d.drop("dropped")
	due, next := d.due(now)
	if len(due) != 0 || next != time.Minute {
		t.Errorf("due %v, next in %s", due, next)
	}
}

func TestDeadlinesWakeTheLoopForAnEarlierOne(t *testing.T) {
	d, now := newDeadlines(), time.Now()
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
