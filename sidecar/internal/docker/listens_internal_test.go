package docker

import (
	"slices"
	"strings"
	"testing"
)

func TestOpenPortsAreReadFromATableOfSockets(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 0B00007F:A0F1 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
   3: 0200000A:0BB8 0300000A:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0 100 0 0 10 0
  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000
   1: 00000000000000000000000000000000:0BB8 00000000000000000000000000000000:0000 0A 00000000:00000000
   2: x:zz x 0A
   3: 00:FFFFFF 0 0A
`
	if got, want := listens(strings.NewReader(table)), []int{80, 3000, 8080}; !slices.Equal(got, want) {
		t.Errorf("it listens on %v, not %v", got, want)
	}
}

// FuzzTableOfSockets reads what a container may show instead of its tables.
func FuzzTableOfSockets(f *testing.F) {
	f.Add("  0: 00000000:1F90 00000000:0000 0A 0\n")
	f.Add("0: :\n0: :1F900 x 0A\n")
	f.Fuzz(func(t *testing.T, table string) {
		ports := listens(strings.NewReader(table))
		if !slices.IsSorted(ports) || len(ports) > 1<<16 {
			t.Errorf("%v", ports)
		}
		for n, port := range ports {
			if port < 0 || port > 0xffff || n > 0 && port == ports[n-1] {
				t.Errorf("%v", ports)
			}
		}
	})
}
