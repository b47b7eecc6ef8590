package monitor

import (
	"context"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"
)

// Host is the machine of the sidecar. What the machine does not tell is zero.
type Host struct {
	Cores       int
	MemoryTotal uint64 // bytes
	MemoryUsed  uint64
	Load1       float64
	Load5       float64
	Load15      float64
	DiskTotal   uint64 // bytes
	DiskUsed    uint64
}

func host(ctx context.Context, folder string) Host {
	var h Host
	if n, err := cpu.CountsWithContext(ctx, true); err == nil {
		h.Cores = n
	}
	if m, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		h.MemoryTotal, h.MemoryUsed = m.Total, m.Used
	}
	if l, err := load.AvgWithContext(ctx); err == nil {
		h.Load1, h.Load5, h.Load15 = l.Load1, l.Load5, l.Load15
	}
	if d, err := disk.UsageWithContext(ctx, folder); err == nil {
		h.DiskTotal, h.DiskUsed = d.Total, d.Used
	}
	return h
}
