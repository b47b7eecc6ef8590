package fairtest

import (
	"sync"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const mb = 1 << 20

// seen is what is on the disk, as a test says. The sidecar looks by itself too, so nothing here may depend on how
// often.
type seen struct {
	sync.Mutex
	disk  whaley.Disk
	looks int
	loud  func(look int) // changes the disk before a look
}

func (s *seen) set(change func(d *whaley.Disk)) {
	s.Lock()
	defer s.Unlock()
	change(&s.disk)
}

func (s *seen) look() whaley.Disk {
	s.Lock()
	defer s.Unlock()
	if s.looks++; s.loud != nil {
		s.loud(s.looks)
	}
	d := s.disk
	d.Instances = map[string]whaley.Written{}
	for id, w := range s.disk.Instances {
		d.Instances[id] = w
	}
	return d
}

func newDisk(t *testing.T, policy whaley.Policy) (*world, *seen) {
	t.Helper()
	s := &seen{disk: whaley.Disk{
		Instances: map[string]whaley.Written{}, Size: 1000 << 30, Free: 500 << 30, AllFiles: 1e9, FreeFiles: 9e8,
	}}
	return newWorldOf(t, func(e *engine) { e.disk = s.look }, policy, built("any")), s
}

// running starts one for each owner: their ids.
func (w *world) running(owners ...string) map[string]string {
	w.t.Helper()
	ids := map[string]string{}
	for _, owner := range owners {
		ids[owner] = w.until(w.spawn(owner, "any").ID, whaley.Running).ID
	}
	return ids
}

// stoppedFor looks at the disk and wants those instances stopped, each for its cause, and no others.
func (w *world) stoppedFor(ids map[string]string, causes map[string]string) {
	w.t.Helper()
	w.try(w.rules.CheckDisk(w.t.Context()))
	for owner, id := range ids {
		cause, stopped := causes[owner]
		if !stopped {
			if in := w.get(id); in.State != whaley.Running {
				w.t.Errorf("%s is %s: %s", owner, in.State, in.StopCause)
			}
			continue
		}
		in := w.until(id, whaley.Stopped)
		if in.StopCause != cause || in.Reason == nil || in.Reason.Code != cause {
			w.t.Errorf("%s is stopped for %q, its player reads %v", owner, in.StopCause, in.Reason)
		}
		if in.BackOff(in.EndedAt) == nil {
			w.t.Errorf("%s may be started again at once", owner)
		}
	}
}

func TestWhoTakesTooMuchIsStoppedAndReadsWhy(t *testing.T) {
	w, s := newDisk(t, whaley.Policy{Disk: 100 * mb, Files: 1000})
	ids := w.running("writes", "litters", "hides", "honest", "exactly")
	s.set(func(d *whaley.Disk) {
		d.Instances[ids["writes"]] = whaley.Written{Bytes: 101 * mb}
		d.Instances[ids["litters"]] = whaley.Written{Files: 1001}
		d.Instances[ids["hides"]] = whaley.Written{Files: 3, Hides: true}
		d.Instances[ids["honest"]] = whaley.Written{Bytes: 5 * mb, Files: 20}
		d.Instances[ids["exactly"]] = whaley.Written{Bytes: 100 * mb, Files: 1000}
		d.Instances["of an instance that is gone"] = whaley.Written{Bytes: 900 * mb}
	})
	w.stoppedFor(ids, map[string]string{"writes": "disk", "litters": "files", "hides": "files"})
	w.until(w.spawn("another", "any").ID, whaley.Running)
}

func TestWhoPrintsWithoutEndIsStoppedAndABurstIsNothing(t *testing.T) {
	w, s := newDisk(t, whaley.Policy{Output: mb})
	ids := w.running("floods", "bursts", "murmurs")
	s.set(func(d *whaley.Disk) {
		s.loud = func(look int) { // a burst is what two looks of ten see, whoever looks
			prints := int64(0)
			if look%10 < 2 {
				prints = 14 * mb
			}
			d.Instances[ids["bursts"]] = whaley.Written{Prints: prints}
		}
		d.Instances[ids["floods"]] = whaley.Written{Prints: 14 * mb}
		d.Instances[ids["murmurs"]] = whaley.Written{Prints: mb}
	})
	for range 60 {
		w.try(w.rules.CheckDisk(t.Context()))
	}
	w.stoppedFor(ids, map[string]string{"floods": "output"})
}

func TestWhenTheDiskRunsFullTheHeaviestMakeRoomForAll(t *testing.T) {
	for name, c := range map[string]struct {
		change func(d *whaley.Disk)
		big    whaley.Written
		middle whaley.Written
		short  bool
		stops  []string
	}{
		"there is room": {
			func(*whaley.Disk) {}, whaley.Written{Bytes: 900 * mb}, whaley.Written{Bytes: 800 * mb}, false, nil,
		},
		"one is enough": {
			func(d *whaley.Disk) { d.Free = 900 * mb }, whaley.Written{Bytes: 900 * mb}, whaley.Written{Bytes: 800 * mb}, true,
			[]string{"big"},
		},
		"two are needed": {
			func(d *whaley.Disk) { d.Free = 24 * mb }, whaley.Written{Bytes: 900 * mb}, whaley.Written{Bytes: 800 * mb}, true,
			[]string{"big", "middle"},
		},
		"it is none of theirs": {
			func(d *whaley.Disk) { d.Free = 24 * mb }, whaley.Written{Bytes: 9 * mb}, whaley.Written{Bytes: 8 * mb}, true, nil,
		},
		"what is written is not seen": {
			func(d *whaley.Disk) { d.Free = 24 * mb }, whaley.Written{Wrote: 9000 * mb}, whaley.Written{Bytes: 8 * mb}, true,
			[]string{"big"},
		},
		"there is no room for files": {
			func(d *whaley.Disk) { d.FreeFiles = 1e7 }, whaley.Written{Files: 2e7}, whaley.Written{Files: 1e6}, true,
			[]string{"big"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := newDisk(t, whaley.Policy{DiskReserve: 1024 * mb})
			ids := w.running("big", "middle", "small")
			s.set(func(d *whaley.Disk) {
				d.Instances[ids["big"]], d.Instances[ids["middle"]], d.Instances[ids["small"]] = c.big, c.middle, whaley.Written{
					Bytes: mb, Files: 5,
				}
				c.change(d)
			})
			w.try(w.rules.CheckDisk(t.Context()))
			if got := w.rules.DiskShort(); c.short != (got != nil) {
				t.Errorf("the disk is said to be: %v", got)
			}
			s.set(func(d *whaley.Disk) { // what was stopped has gone
				d.Free, d.FreeFiles = 500<<30, 9e8
			})
			causes := map[string]string{}
			for _, owner := range c.stops {
				causes[owner] = whaley.CauseShort
			}
			w.stoppedFor(ids, causes)
			if got := w.rules.DiskShort(); got != nil {
				t.Errorf("with room again: %v", got)
			}
		})
	}
}
