package challenge

import (
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// The least that a container gets, however many share an instance's limits.
const (
	minMemory = 8 << 20 // bytes
	minCPUs   = 1e7     // billionths of a CPU
	minPids   = 8
)

// wanted is what a service's own keys ask for; 0 where they say nothing.
func wanted(s types.ServiceConfig) whaley.Limits {
	l := whaley.Limits{MemoryBytes: int64(s.MemLimit), NanoCPUs: int64(float64(s.CPUS) * 1e9), Pids: s.PidsLimit}
	if l.NanoCPUs == 0 {
		l.NanoCPUs = s.CPUCount * 1e9
	}
	if s.Deploy == nil || s.Deploy.Resources.Limits == nil {
		return l
	}
	of := s.Deploy.Resources.Limits
	if of.MemoryBytes > 0 {
		l.MemoryBytes = int64(of.MemoryBytes)
	}
	if of.NanoCPUs > 0 {
		l.NanoCPUs = int64(float64(of.NanoCPUs) * 1e9)
	}
	if of.Pids > 0 {
		l.Pids = of.Pids
	}
	return l
}

// share splits the instance's limits between its containers, so that together they cannot have more. Services that ask
// for less than their part leave the rest to those that ask for nothing; if all together ask for too much, each gets
// less in proportion.
func share(services []whaley.Service, total whaley.Limits) {
	for _, part := range []struct {
		of         func(*whaley.Limits) *int64
		total, min int64
	}{
		{func(l *whaley.Limits) *int64 { return &l.MemoryBytes }, total.MemoryBytes, minMemory},
		{func(l *whaley.Limits) *int64 { return &l.NanoCPUs }, total.NanoCPUs, minCPUs},
		{func(l *whaley.Limits) *int64 { return &l.Pids }, total.Pids, minPids},
	} {
		values := make([]*int64, len(services))
		for n := range services {
			values[n] = part.of(&services[n].Limits)
		}
		shareOne(values, part.total, part.min)
	}
}

func shareOne(values []*int64, total, least int64) {
	equal := total / int64(max(1, len(values)))
	var asked, sum, silent int64
	for _, v := range values {
		if *v > 0 {
			*v = min(*v, total) // which also keeps the sum from overflowing
			asked += *v
			sum += *v
		} else {
			silent++
			sum += equal
		}
	}
	for _, v := range values {
		switch {
		case sum > total && *v > 0:
			*v = int64(float64(*v) * float64(total) / float64(sum))
		case sum > total:
			*v = int64(float64(equal) * float64(total) / float64(sum))
		case *v <= 0:
			*v = (total - asked) / silent
		}
		*v = max(*v, least)
	}
}
