package docker

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// usageTime bounds one look at a container: the next round comes anyway.
const usageTime = 5 * time.Second

// Usage says what a container uses. One that is gone, or not running, is CodeObjectMissing.
func (e *Engine) Usage(ctx context.Context, id string) (whaley.Usage, error) {
	ctx, cancel := context.WithTimeout(ctx, usageTime)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return whaley.Usage{}, err
	}
	answer, err := api.ContainerStatsOneShot(ctx, id)
	if err != nil {
		return whaley.Usage{}, translate(err)
	}
	defer answer.Body.Close()
	var s container.StatsResponse
	if err := json.NewDecoder(answer.Body).Decode(&s); err != nil {
		return whaley.Usage{}, translate(err)
	}
	if s.Read.IsZero() || s.MemoryStats.Limit == 0 && s.CPUStats.CPUUsage.TotalUsage == 0 {
		return whaley.Usage{}, whaley.Errorf(whaley.Unavailable, whaley.CodeObjectMissing, "The container does not run.")
	}
	return usageOf(&s), nil
}

func usageOf(s *container.StatsResponse) whaley.Usage {
	u := whaley.Usage{
		At: s.Read, CPU: time.Duration(s.CPUStats.CPUUsage.TotalUsage), Memory: memory(s.MemoryStats),
		MemoryLimit: int64(s.MemoryStats.Limit),
		Pids:        int64(s.PidsStats.Current),
	}
	for _, n := range s.Networks {
		u.NetworkIn += int64(n.RxBytes)
		u.NetworkOut += int64(n.TxBytes)
	}
	for _, b := range s.BlkioStats.IoServiceBytesRecursive {
		switch strings.ToLower(b.Op) { // cgroup v1 says Read, v2 says read
		case "read":
			u.BlockRead += int64(b.Value)
		case "write":
			u.BlockWrite += int64(b.Value)
		}
	}
	return u
}

// memory is what a container would be killed for: files that the kernel can drop do not count.
func memory(m container.MemoryStats) int64 {
	used := m.Usage
	for _, name := range []string{"total_inactive_file", "inactive_file"} { // cgroup v1, v2
		if cached, there := m.Stats[name]; there {
			if cached < used {
				return int64(used - cached)
			}
			break
		}
	}
	return int64(used)
}
