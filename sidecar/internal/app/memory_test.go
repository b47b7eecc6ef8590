package app

import (
	"runtime"
	"testing"
	"time"
)

// rush is memory that is in use for a while.
func rush(t *testing.T) [][]byte {
	t.Helper()
	before := heldMemory()
	held := make([][]byte, 0, 2000)
	for range cap(held) {
		held = append(held, make([]byte, 100<<10))
	}
	if grown := heldMemory() - before; grown < 150<<20 {
		t.Fatalf("grown by %d MB only", grown>>20)
	}
	return held
}

const little = 16 << 20 // bytes, that a test may use by itself

func TestMemoryOfARushIsGivenBackOnce(t *testing.T) {
	var m memory
	now := time.Now()
	m.giveBack(now)
	before := heldMemory()
	runtime.KeepAlive(rush(t)) // and not beyond
	if now = now.Add(giveBackEvery); !m.giveBack(now) {
		t.Error("nothing was given back")
	}
	if after := heldMemory(); after > before+little {
		t.Errorf("%d MB are held, %d before", after>>20, before>>20)
	}
	if now = now.Add(giveBackEvery); m.giveBack(now) {
		t.Error("collected again with nothing to gain")
	}
}

func TestMemoryThatWasInUseIsGivenBackOnceItIsNot(t *testing.T) {
	var m memory
	now := time.Now()
	m.giveBack(now)
	before := heldMemory()
	held := rush(t)
	tries := 0
	for end := now.Add(time.Hour); now.Before(end); now = now.Add(giveBackEvery) {
		if m.giveBack(now) {
			tries++
		}
	}
	runtime.KeepAlive(held)
	if tries < 3 || tries > 122 {
		t.Errorf("collected %d times in an hour in which all is in use", tries)
	}
	for end := now.Add(seldomAtMost); now.Before(end); now = now.Add(giveBackEvery) {
		m.giveBack(now)
	}
	if after := heldMemory(); after > before+little {
		t.Errorf("%d MB are held, %d before", after>>20, before>>20)
	}
}
