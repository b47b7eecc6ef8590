//go:build linux

package guest

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What a container uses is seen by either version of cgroups, without files that the kernel can drop.
func TestWhatAContainerUsesIsCountedByEitherCgroup(t *testing.T) {
	dev := "Inter-| Receive | Transmit\n face |bytes\n    lo: 900 1 0 0 0 0 0 0 900 1 0 0 0 0 0 0\n  eth0: 70 1 0 0 0 0 0 0 80 1 0 0 0 0 0 0\n"
	for name, files := range map[string]map[string]string{
		"version 2": {
			"memory.current": "5000\n", "memory.stat": "anon 4000\ninactive_file 1000\n", "memory.max": "max\n",
			"pids.current": "3\n", "cpu.stat": "usage_usec 2000\nuser_usec 1\n", "io.stat": "8:0 rbytes=10 wbytes=20 rios=1\n8:16 rbytes=1 wbytes=2\n",
		},
		"version 1": {
			"memory/memory.usage_in_bytes": "5000\n", "memory/memory.stat": "inactive_file 7\ntotal_inactive_file 1000\n",
			"memory/memory.limit_in_bytes": "0\n", "pids/pids.current": "3\n", "cpuacct/cpuacct.usage": "2000000\n",
			"blkio/blkio.throttle.io_service_bytes_recursive": "8:0 Read 11\n8:0 Write 22\n8:0 Total 33\nTotal 33\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			put := func(path, text string) {
				full := filepath.Join(root, path)
				if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			put("proc/net/dev", dev)
			put("proc/net/snmp", "Ip: Forwarding\nIp: 1\nTcp: RtoMin ActiveOpens PassiveOpens\nTcp: 200 5 42\n")
			put("proc/net/tcp", "  sl  local_address rem_address st\n"+ // 8080 listens, 7117 is the guest's
				"0: 00000000:1F90 00000000:0000 0A\n1: 0100F40A:1F90 0A004D0A:C350 01\n2: 0100007F:1F90 0100007F:C351 01\n"+
				"3: 0100F40A:1F90 0A004D0A:C352 06\n4: 00000000:1BCD 00000000:0000 0A\n5: 0100F40A:1BCD 0A004D0A:C353 01\n"+
				"6: 0100F40A:C354 0B00F40A:0CEA 01\n")
			for path, text := range files {
				put("sys/fs/cgroup/"+path, text)
			}
			got, err := count(root)
			want := Use{CPU: 2 * time.Millisecond, Memory: 4000, Pids: 3, In: 70, Out: 80, Read: 11, Written: 22, Opened: 42, Held: 1}
			if err != nil || *got != want {
				t.Errorf("it says %+v, %v; want %+v", got, err, want)
			}
		})
	}
	if _, err := count(t.TempDir()); err == nil {
		t.Error("where no cgroup is seen something is said")
	}
}
