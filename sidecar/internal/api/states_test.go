package api_test

import (
	"testing"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

func TestThePluginIsToldOfStatesByTheNamesItKnows(t *testing.T) {
	for ours, theirs := range map[instancer.State]string{
		instancer.Unknown: wire.StateUnknown, instancer.Asleep: wire.StateAsleep, instancer.Queued: wire.StateQueued,
		instancer.Starting: wire.StateStarting, instancer.Running: wire.StateRunning, instancer.Stopping: wire.StateStopping,
		instancer.Failed: wire.StateFailed,
	} {
		if string(ours) != theirs {
			t.Errorf("%q is %q on the wire", ours, theirs)
		}
	}
}
