package subnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// lookUpTime bounds the look-up of all names together.
const lookUpTime = 5 * time.Second

// Need is something that this host reaches, or is reached by. A pool that holds it would take it away, or would be
// taken for it.
type Need struct {
	Prefix netip.Prefix
	What   string // as "this host's name server 10.240.0.2 (/etc/resolv.conf)"
	Soft   bool   // a reason to choose another pool, and none to give up one that is in use
}

// Server is a machine that a setting names.
type Server struct {
	Setting string // as DATABASE_URL
	Host    string // a name or an address; loopback and empty ones are no need
}

// Network is one of the engine's.
type Network struct {
	Name   string
	Prefix netip.Prefix
	Ours   bool // this deployment's
	Soft   bool // another deployment's, or one that is only to come
}

// Sources are where needs come from, beside the kernel and the files of this host.
type Sources struct {
	Servers  []Server
	Trusted  []netip.Prefix // TRUSTED_PROXIES
	Networks []Network
	Bridges  string // begins the names of this deployment's own interfaces
	Root     string // of the host's files; empty: /
}

// Look lists what this host needs. What could not be found out is in the error, and the rest is there all the same.
func Look(ctx context.Context, from Sources) ([]Need, error) {
	needs, err := kernelNeeds(from.Bridges)
	needs = append(needs, nameServers(from.Root)...)
	for _, p := range from.Trusted {
		needs = append(needs, Need{Prefix: p, What: "the trusted proxies " + p.String() + " (TRUSTED_PROXIES)"})
	}
	for _, n := range from.Networks {
		if !n.Ours {
			needs = append(
				needs, Need{Prefix: n.Prefix, What: fmt.Sprintf("the engine's network %s (%s)", n.Name, n.Prefix), Soft: n.Soft},
			)
		}
	}
	found, unknown := lookUp(ctx, append(slices.Clone(from.Servers), timeServers(from.Root)...))
	needs = append(needs, found...)
	needs = slices.DeleteFunc(needs, func(n Need) bool { return !n.Prefix.IsValid() || !n.Prefix.Addr().Is4() })
	return needs, errors.Join(err, unknown)
}

// lookUp finds the addresses of servers, all at the same time.
func lookUp(ctx context.Context, servers []Server) ([]Need, error) {
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	found, failed := make([][]Need, len(servers)), make([]error, len(servers))
	var all sync.WaitGroup
	for n, s := range servers {
		all.Go(func() {
			host := strings.Trim(s.Host, "[]")
			if host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") {
				return
			}
			addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
			if _, literal := netip.ParseAddr(host); err != nil && literal != nil { // an IPv6 address has no other
				failed[n] = fmt.Errorf("%s: where %s is could not be found out: %w", s.Setting, host, err)
			}
			for _, a := range addresses {
				what := fmt.Sprintf("%s, which %s leads to", a.Unmap(), s.Setting)
				found[n] = append(found[n], Need{Prefix: single(a), What: what})
			}
		})
	}
	all.Wait()
	return slices.Concat(found...), errors.Join(failed...)
}

func single(a netip.Addr) netip.Prefix {
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen())
}

// Held are the needs that a network holds, those first that forbid its use.
func Held(network netip.Prefix, needs []Need) []Need {
	var held []Need
	for _, soft := range []bool{false, true} {
		for _, n := range needs {
			if n.Soft == soft && n.Prefix.Overlaps(network) {
				held = append(held, n)
			}
		}
	}
	return held
}

// forbids is why a network must not be used; empty: nothing does.
func forbids(network netip.Prefix, needs []Need) string {
	var reasons []string
	for _, n := range Held(network, needs) {
		if !n.Soft && !slices.Contains(reasons, n.What) {
			reasons = append(reasons, n.What)
		}
	}
	if len(reasons) > listedAtMost {
		reasons = append(reasons[:listedAtMost], fmt.Sprintf("and %d more", len(reasons)-listedAtMost))
	}
	return strings.Join(reasons, ", ")
}

const listedAtMost = 4
