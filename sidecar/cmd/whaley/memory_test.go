package main

import (
	"runtime"
	"testing"
)

func TestMemoryOfARushIsGivenBackOnce(t *testing.T) {
	var m memory
	m.giveBack()
	before := heldMemory()
	rush := make([][]byte, 0, 2000)
	for range cap(rush) {
		rush = append(rush, make([]byte, 100<<10))
	}
	if grown := heldMemory() - before; grown < 150<<20 {
		t.Fatalf("grown by %d MB only", grown>>20)
	}
	runtime.KeepAlive(rush) // and not beyond
	if !m.giveBack() {
		t.Error("nothing was given back")
	}
	if after := heldMemory(); after > before+worthwhile {
		t.Errorf("%d MB are held, %d before", after>>20, before>>20)
	}
	if m.giveBack() {
		t.Error("collected again with nothing to gain")
	}
}
