package main

import (
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	bombs       = 40
	eachMayTake = 200 << 20 // bytes that are allocated while one is read, not what is held at a time
	afterwards  = 64 << 20  // bytes that are held when all are read
)

// Whatever is drawn, reading it costs a bounded amount, and the challenge beside it is there.
func TestNoDrawnChallengeCostsMoreThanItMayOrStopsAnother(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for n := range bombs {
		r := rand.New(rand.NewPCG(seed, uint64(n)))
		name, files := bomb(r)
		dir := t.TempDir()
		for id, what := range map[string]map[string]string{"bomb": files, "good": folder("serve")} {
			if err := writeFolder(filepath.Join(dir, id), what); err != nil {
				t.Fatal(err)
			}
		}
		library := challenge.NewLibrary(
			dir,
			challenge.Defaults{
				Timeout: time.Hour, Access: "link", Limits: whaley.Limits{MemoryBytes: 64 << 20, NanoCPUs: 5e8, Pids: 64},
			},
		)
		var before, after runtime.MemStats
		one := time.Now()
		runtime.ReadMemStats(&before)
		_, err := library.Reload(t.Context())
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d MB, %s", name, (after.TotalAlloc-before.TotalAlloc)>>20, time.Since(one).Round(time.Millisecond))
		if cost := after.TotalAlloc - before.TotalAlloc; cost > eachMayTake {
			t.Errorf("%s (%d): %d MB were allocated in order to read it", name, n, cost>>20)
		}
		if _, loaded := library.Get("good"); !loaded {
			t.Errorf("%s (%d): the challenge beside it is not loaded", name, n)
		}
	}
	runtime.GC()
	var held runtime.MemStats
	if runtime.ReadMemStats(&held); held.HeapInuse > afterwards {
		t.Errorf("%d MB are held afterwards", held.HeapInuse>>20)
	}
}
