package admin

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/monitor"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type usageJSON struct {
	CPU           float64 `json:"cpu_percent"`
	Memory        int64   `json:"memory_bytes"`
	MemoryLimit   int64   `json:"memory_limit_bytes"`
	MemoryPercent float64 `json:"memory_percent"`
	NetworkIn     int64   `json:"network_rx_bytes"`
	NetworkOut    int64   `json:"network_tx_bytes"`
	BlockRead     int64   `json:"block_read_bytes"`
	BlockWrite    int64   `json:"block_write_bytes"`
	Pids          int64   `json:"pids"`
}

func usageOf(t monitor.Totals) usageJSON {
	return usageJSON{
		CPU: t.CPU, Memory: t.Memory, MemoryLimit: t.MemoryLimit, MemoryPercent: percent(t.Memory, t.MemoryLimit),
		NetworkIn:  t.NetworkIn,
		NetworkOut: t.NetworkOut, BlockRead: t.BlockRead, BlockWrite: t.BlockWrite, Pids: t.Pids,
	}
}

func percent[N int64 | uint64](part, whole N) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

type systemJSON struct {
	At          *time.Time `json:"sampled_at"`
	TookMS      int64      `json:"took_ms"`
	Containers  int        `json:"total_containers"`
	Running     int        `json:"running_containers"`
	Sampled     int        `json:"sampled_containers"`
	CPU         float64    `json:"total_cpu_percent"`
	Memory      int64      `json:"total_memory_bytes"`
	Cores       int        `json:"host_cpu_cores"`
	HostCPU     float64    `json:"host_cpu_percent"`
	HostTotal   uint64     `json:"host_memory_total_bytes"`
	HostUsed    uint64     `json:"host_memory_used_bytes"`
	HostPercent float64    `json:"host_memory_percent"`
	Load1       float64    `json:"loadavg_1"`
	Load5       float64    `json:"loadavg_5"`
	Load15      float64    `json:"loadavg_15"`
	DiskTotal   uint64     `json:"disk_total_bytes"`
	DiskUsed    uint64     `json:"disk_used_bytes"`
	DiskPercent float64    `json:"disk_percent"`
}

// GetSystemUsage answers GET /admin/api/monitoring/system.
func (a Handlers) GetSystemUsage(w http.ResponseWriter, _ *http.Request) error {
	s := a.Monitor.Last()
	h := s.Host
	return kit.Write(w, http.StatusOK, systemJSON{
		At: kit.Moment(s.At), TookMS: s.Took.Milliseconds(), Containers: s.Containers, Running: s.Running, Sampled: s.Sampled,
		CPU: s.CPU, Memory: s.Memory,
		Cores: h.Cores, HostCPU: h.CPU, HostTotal: h.MemoryTotal, HostUsed: h.MemoryUsed,
		HostPercent: percent(h.MemoryUsed, h.MemoryTotal),
		Load1:       h.Load1, Load5: h.Load5, Load15: h.Load15, DiskTotal: h.DiskTotal, DiskUsed: h.DiskUsed,
		DiskPercent: percent(h.DiskUsed, h.DiskTotal),
	})
}

type containerUsageJSON struct {
	usageJSON
	ID      string `json:"id"`
	Name    string `json:"name"`
	Service string `json:"service"`
	Running bool   `json:"running"`
	Sampled bool   `json:"sampled"`
}

type instanceUsageJSON struct {
	usageJSON
	ID         string               `json:"id"`
	Challenge  string               `json:"challenge_id"`
	Owner      kit.OwnerJSON        `json:"owner"`
	State      string               `json:"state"`
	CreatedAt  time.Time            `json:"created_at"`
	ExpiresAt  *time.Time           `json:"expires_at"`
	Sampled    bool                 `json:"sampled"`
	At         *time.Time           `json:"sampled_at"`
	Containers []containerUsageJSON `json:"containers"`
}

// instanceUsage is what an instance used at a time.
func instanceUsage(in monitor.Instance, at time.Time) instanceUsageJSON {
	j := instanceUsageJSON{
		usageJSON: usageOf(in.Totals), ID: in.Row.ID, Challenge: in.Row.Challenge,
		Owner: kit.OwnerJSON{ID: in.Row.Owner.ID, Name: in.Row.Owner.Name}, State: string(in.Row.State),
		CreatedAt: in.Row.CreatedAt, ExpiresAt: kit.Moment(in.Row.ExpiresAt), Sampled: in.Sampled,
		Containers: make([]containerUsageJSON, 0, len(in.Containers)),
	}
	if in.Sampled {
		j.At = kit.Moment(at)
	}
	for _, c := range in.Containers {
		j.Containers = append(j.Containers, containerUsageJSON{
			usageJSON: usageOf(c.Totals), ID: c.ID, Name: c.Name, Service: c.Service, Running: c.Running, Sampled: c.Sampled,
		})
	}
	return j
}

// GetInstanceUsage is what one instance used when it was last sampled; nothing if it was not yet.
func (a Handlers) GetInstanceUsage(w http.ResponseWriter, r *http.Request) error {
	in, err := a.Instancer.Any(r.Context(), kit.IDOf(r))
	if err != nil {
		return err
	}
	usage := monitor.Instance{Row: in}
	last := a.Monitor.Last()
	for _, sampled := range last.Instances {
		if sampled.Row.ID == in.ID {
			usage = sampled
		}
	}
	return kit.Write(w, http.StatusOK, instanceUsage(usage, last.At))
}

// ListUsage answers from the last sample: by id, or with ?sort=cpu or memory those that use most first. Pages are cut
// at what was last shown, so an instance that comes or goes meanwhile moves no other one.
func (a Handlers) ListUsage(w http.ResponseWriter, r *http.Request) error {
	page, err := kit.PageOf(r)
	if err != nil {
		return err
	}
	minCPU, err := kit.NumberOf(r, "min_cpu_percent")
	if err != nil {
		return err
	}
	minMemory, err := kit.NumberOf(r, "min_memory_percent")
	if err != nil {
		return err
	}
	get := r.URL.Query().Get
	rank := func(monitor.Instance) float64 { return 0 }
	switch get("sort") {
	case "", "id":
	case "cpu":
		rank = func(in monitor.Instance) float64 { return in.CPU }
	case "memory":
		rank = func(in monitor.Instance) float64 { return float64(in.Memory) }
	default:
		return whaley.Errorf(whaley.Invalid, "sort_invalid", "sort must be id, cpu or memory.")
	}
	s := a.Monitor.Last()
	chosen := make([]monitor.Instance, 0, len(s.Instances))
	for _, in := range s.Instances {
		if (get("challenge") == "" || in.Row.Challenge == get("challenge")) &&
			(get("owner") == "" || in.Row.Owner.ID == get("owner")) && in.CPU >= minCPU &&
			percent(in.Memory, in.MemoryLimit) >= minMemory {
			chosen = append(chosen, in)
		}
	}
	slices.SortFunc(chosen, func(a, b monitor.Instance) int {
		return cmp.Or(cmp.Compare(rank(b), rank(a)), strings.Compare(a.Row.ID, b.Row.ID))
	})
	total := len(chosen)
	if after := page.After; after != "" {
		if n := slices.IndexFunc(chosen, func(in monitor.Instance) bool { return in.Row.ID == after }); n >= 0 {
			chosen = chosen[n+1:]
		} else {
			chosen = slices.DeleteFunc(chosen, func(in monitor.Instance) bool { return in.Row.ID <= after })
		}
	}
	instances, next := kit.PartOf(chosen, page.Limit, func(in monitor.Instance) string { return in.Row.ID },
		func(in monitor.Instance) instanceUsageJSON { return instanceUsage(in, s.At) })
	return kit.Write(
		w, http.StatusOK, map[string]any{"instances": instances, "total": total, "next": next, "sampled_at": kit.Moment(s.At)},
	)
}
