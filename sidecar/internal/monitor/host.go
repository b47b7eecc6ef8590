package monitor

import (
	"context"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"
	"github.com/shirou/gopsutil/v4/net"
)

// Host is the machine of the sidecar. What the machine does not tell is zero.
type Host struct {
	Cores       int
	CPU         float64 // per cent of all cores since the round before
	MemoryTotal uint64  // bytes
	MemoryUsed  uint64
	Load1       float64
	Load5       float64
	Load15      float64
	DiskTotal   uint64 // bytes
	DiskUsed    uint64
	Connections int64 // in the kernel's table, which all who are forwarded share
	MostInTable int64
}

// host asks the machine. before is what its cores had done at the last look, nil if there was none.
func host(ctx context.Context, folder string, before *cpu.TimesStat) (Host, *cpu.TimesStat) {
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
	if c, err := net.FilterCountersWithContext(ctx); err == nil && len(c) == 1 {
		h.Connections, h.MostInTable = c[0].ConnTrackCount, c[0].ConnTrackMax
	}
	var now *cpu.TimesStat
	if all, err := cpu.TimesWithContext(ctx, false); err == nil && len(all) == 1 {
		now = &all[0]
		h.CPU = busy(before, now)
	}
	return h, now
}

// busy is how much of the time between two looks the machine's cores did something, in per cent of all of them.
func busy(before, now *cpu.TimesStat) float64 {
	if before == nil {
		return 0
	}
	// Time of guests is in the time of users already.
	total := func(t *cpu.TimesStat) float64 {
		return t.User + t.Nice + t.System + t.Idle + t.Iowait + t.Irq + t.Softirq + t.Steal
	}
	passed := total(now) - total(before)
	idle := now.Idle + now.Iowait - before.Idle - before.Iowait
	if passed <= 0 {
		return 0
	}
	return min(100, max(0, 100*(passed-idle)/passed))
}
