package rehearse

import "fmt"

// Capacity is how much there is of something that instances need, and the most that was used of it while they played.
type Capacity struct {
	What string  `json:"what"`
	Used float64 `json:"used"`
	Of   float64 `json:"of"` // 0: there is no limit, or it is not known
	Unit string  `json:"unit,omitempty"`
}

// String is for people.
func (c Capacity) String() string {
	if c.Of == 0 {
		return fmt.Sprintf("%s %s", c.What, c.Number(c.Used))
	}
	return fmt.Sprintf("%s %s of %s (%.0f %%)", c.What, c.Number(c.Used), c.Number(c.Of), 100*c.Used/c.Of)
}

// Number is an amount with its unit.
func (c Capacity) Number(n float64) string {
	switch {
	case c.Unit == "":
		return fmt.Sprintf("%.0f", n)
	case n < 10:
		return fmt.Sprintf("%.1f %s", n, c.Unit)
	}
	return fmt.Sprintf("%.0f %s", n, c.Unit)
}

// capacityOf is what was used at most, of what the last sample says that there is.
func capacityOf(samples []Sample) (all []Capacity) {
	if len(samples) == 0 {
		return nil
	}
	const gigabyte = 1 << 30
	for _, kind := range []struct {
		what, unit string
		of         func(s state) (used, of float64)
	}{
		{"instances of everybody", "", func(s state) (float64, float64) { return float64(s.Instances), float64(s.MaxInstances) }},
		{"starts at the same time", "", func(s state) (float64, float64) { return float64(s.Starting), float64(s.Slots) }},
		{"memory", "GB", func(s state) (float64, float64) {
			return float64(s.MemoryUsed) / gigabyte, float64(s.MemoryTotal) / gigabyte
		}},
		{"memory that counts for MEMORY_BUDGET", "GB", func(s state) (float64, float64) {
			return float64(s.Allowed) / gigabyte, float64(s.Budget) / gigabyte
		}},
		{"CPUs", "cores", func(s state) (float64, float64) { return s.CPU / 100 * float64(s.Cores), float64(s.Cores) }},
		{"disk", "GB", func(s state) (float64, float64) {
			return float64(s.DiskUsed) / gigabyte, float64(s.DiskTotal) / gigabyte
		}},
		{"ports of the host", "", func(s state) (float64, float64) { return float64(s.PortsHeld), float64(s.Ports) }},
		{"networks", "", func(s state) (float64, float64) { return float64(s.SubnetsHeld), float64(s.Subnets) }},
		{"connections in the kernel's table", "", func(s state) (float64, float64) {
			return float64(s.Connections), float64(s.MostInTable)
		}},
	} {
		c := Capacity{What: kind.what, Unit: kind.unit}
		for _, s := range samples {
			used, of := kind.of(s.state)
			c.Used = max(c.Used, used)
			if of > 0 {
				c.Of = of
			}
		}
		if c.Used > 0 || c.Of > 0 {
			all = append(all, c)
		}
	}
	return all
}
