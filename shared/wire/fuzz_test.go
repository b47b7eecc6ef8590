package wire_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// What one side can read the other side reads the same after it was written again.
func FuzzWhatIsReadIsWrittenTheSame(f *testing.F) {
	f.Add(`{"host": "web-abcdefghijklm.instances.localhost", "ticket": "x", "wait_ms": 45000}`)
	f.Add(`{"state": "running", "backend": "10.0.0.2:80", "access": "link", "detail": "\u0000"}`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, one := range []func() interface{}{
			func() interface{} { return new(wire.Keys) }, func() interface{} { return new(wire.HostRequest) },
			func() interface{} { return new(wire.HostStatus) }, func() interface{} { return new(wire.TicketRequest) },
			func() interface{} { return new(wire.TicketResponse) }, func() interface{} { return new(wire.Problem) },
		} {
			first, second := one(), one()
			if json.Unmarshal([]byte(text), first) != nil {
				continue
			}
			again, err := json.Marshal(first)
			if err == nil {
				err = json.Unmarshal(again, second)
			}
			if err != nil {
				t.Fatalf("%q as %T: %v", text, first, err)
			}
			if twice, err := json.Marshal(second); err != nil || string(twice) != string(again) {
				t.Errorf("%q: %s and %s, %v, equal: %v", text, again, twice, err, reflect.DeepEqual(first, second))
			}
		}
	})
}
