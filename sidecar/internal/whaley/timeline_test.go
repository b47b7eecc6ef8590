package whaley_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestTimelineCountsEachLifeWhereItBelongs(t *testing.T) {
	begin := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	got := whaley.Timeline([]whaley.Life{
		{State: whaley.Running, CreatedAt: at(-50), StartedAt: at(-40)},
		{State: whaley.Stopped, CreatedAt: at(1), StartedAt: at(3), EndedAt: at(12)},
		{State: whaley.Stopped, CreatedAt: at(2), StartedAt: at(3), EndedAt: at(10)},
		{State: whaley.Failed, CreatedAt: at(9), EndedAt: at(11)},
		{State: whaley.Queued, CreatedAt: at(20)},
		{State: whaley.Running, CreatedAt: at(30), StartedAt: at(31)}, // after the end
	}, begin, at(30), 3)
	want := []whaley.Span{
		{Until: at(10), Spawned: 3, Running: 3, Median: 2 * time.Second, Slow: 2 * time.Second},
		{Until: at(20), Failed: 1, Running: 1},
		{Until: at(30), Spawned: 1, Running: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
