package platformtest

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
)

// Parts are what a platform of containers has beside its engine, for tests: subnets of 10.192.part.0/24, and ports from
// 22000+100*part on.
func Parts(part int) (containers.Subnets, containers.Ports) {
	return &subnets{part: part, held: map[string]netip.Prefix{}}, &ports{part: part, held: map[string]map[int]int{}}
}

type subnets struct {
	part int
	mu   sync.Mutex
	next int
	held map[string]netip.Prefix
}

func (s *subnets) Reserve(_ context.Context, instance string) (netip.Prefix, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, has := s.held[instance]; !has {
		s.held[instance] = netip.MustParsePrefix(fmt.Sprintf("10.192.%d.%d/28", s.part, 16*(s.next%16)))
		s.next++
	}
	return s.held[instance], nil
}

func (s *subnets) Avoid(ctx context.Context, instance string, _ netip.Prefix) error {
	return s.Release(ctx, instance)
}

func (s *subnets) Release(_ context.Context, instance string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.held, func(holder string, _ netip.Prefix) bool {
		return holder == instance || strings.HasPrefix(holder, instance+"/")
	})
	return nil
}

// Holds says that it is as it was.
func (s *subnets) Holds(netip.Prefix) bool { return true }

// Count is that of a /20.
func (s *subnets) Count() int { return 256 }

func (s *subnets) Holders(context.Context) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.held)), nil
}

type ports struct {
	part int
	mu   sync.Mutex
	next int
	held map[string]map[int]int
}

func (p *ports) Reserve(_ context.Context, instance, _, _ string, internal []int) (map[int]int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[instance] == nil {
		p.held[instance] = map[int]int{}
		for _, port := range internal {
			p.held[instance][port] = 22000 + 100*p.part + p.next%100
			p.next++
		}
	}
	return maps.Clone(p.held[instance]), nil
}

func (p *ports) Release(_ context.Context, instance string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.held, instance)
	return nil
}

func (p *ports) Holders(context.Context) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.held)), nil
}
