package api_test

import (
	"testing"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestThePluginIsToldOfStatesByTheNamesItKnows(t *testing.T) {
	for ours, theirs := range map[whaley.State]string{
		whaley.Unknown: wire.StateUnknown, whaley.Asleep: wire.StateAsleep, whaley.Queued: wire.StateQueued,
		whaley.Starting: wire.StateStarting, whaley.Running: wire.StateRunning, whaley.Stopping: wire.StateStopping,
		whaley.Failed: wire.StateFailed,
	} {
		if string(ours) != theirs {
			t.Errorf("%q is %q on the wire", ours, theirs)
		}
	}
}
