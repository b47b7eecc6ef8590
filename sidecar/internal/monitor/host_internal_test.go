package monitor

import (
	"testing"

	"github.com/shirou/gopsutil/v4/cpu"
)

func TestTheHostsCPUIsWhatItsCoresDidSinceTheLastLook(t *testing.T) {
	before := &cpu.TimesStat{User: 100, System: 50, Idle: 850}
	for want, now := range map[float64]cpu.TimesStat{
		75:  {User: 160, System: 65, Idle: 875},
		100: {User: 200, System: 50, Idle: 850},
		0:   {User: 100, System: 50, Idle: 950},
		50:  {User: 140, System: 50, Idle: 870, Iowait: 30, Steal: 10, Guest: 40},
	} {
		if got := busy(before, &now); got != want {
			t.Errorf("%+v is %g %%, want %g", now, got, want)
		}
	}
	if got := busy(nil, before); got != 0 {
		t.Errorf("at the first look it is %g %%", got)
	}
	if got := busy(before, before); got != 0 {
		t.Errorf("when no time has passed it is %g %%", got)
	}
}
