package monitor

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestPressureIsReadAsLinuxWritesItAndIsZeroWhereThereIsNone(t *testing.T) {
	dir := t.TempDir()
	if got := pressureIn(dir); got != (whaley.Pressure{}) {
		t.Errorf("of nothing: %+v", got)
	}
	const rest = " avg60=1.00 avg300=2.00 total=1199983\n"
	err := errors.Join(
		os.WriteFile(filepath.Join(dir, "memory"), []byte("some avg10=12.50"+rest+"full avg10=3.25"+rest), 0o600),
		os.WriteFile(filepath.Join(dir, "io"), []byte("some avg10=99.00"+rest+"full avg10=61.00"+rest+"\nodd\n"), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	if got := pressureIn(dir); got != (whaley.Pressure{Memory: 12.5, AllMemory: 3.25, AllIO: 61}) {
		t.Errorf("%+v", got)
	}
}
