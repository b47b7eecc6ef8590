package listen

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

func TestNobodyTakesWhatOthersNeed(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	for range 200 {
		s := newShare(1 + random.IntN(400))
		each := random.IntN(100)
		var taken []netip.Prefix
		hogs := 1 + random.IntN(5)
		for range 4000 {
			of := source(netip.AddrFrom4([4]byte{10, 0, 0, byte(random.IntN(hogs))}))
			held, free := s.held[of], s.most-s.all
			if s.take(of, each, false) {
				taken = append(taken, of)
				if held >= free || each > 0 && held >= each {
					t.Fatalf("seed %d: one with %d gets another while %d are free", seed, held, free)
				}
			}
			if random.IntN(3) == 0 && len(taken) > 0 {
				at := random.IntN(len(taken))
				s.give(taken[at])
				taken = append(taken[:at], taken[at+1:]...)
			}
			if s.all > s.most || s.all != len(taken) {
				t.Fatalf("seed %d: %d of %d, %d taken", seed, s.all, s.most, len(taken))
			}
		}
		newcomer := source(netip.MustParseAddr("10.9.9.9"))
		if free := s.most - s.all; s.take(newcomer, 1, false) != (free > 0) {
			t.Fatalf("seed %d: with %d free, who comes new gets none", seed, free)
		} else if free > 0 {
			s.give(newcomer)
		}
		if hogs == 1 && each == 0 && s.all > s.most/2+1 {
			t.Fatalf("seed %d: one has %d of %d", seed, s.all, s.most)
		}
		for _, of := range taken {
			s.give(of)
		}
		if s.all != 0 || len(s.held) != 0 {
			t.Fatalf("seed %d: %d and %v are left", seed, s.all, s.held)
		}
	}
}

func TestWhoStandsForManyMayHaveAll(t *testing.T) {
	s := newShare(10)
	for n := range 10 {
		if !s.take(source(netip.MustParseAddr("127.0.0.1")), 3, true) {
			t.Fatal(n)
		}
	}
	if s.take(source(netip.MustParseAddr("127.0.0.1")), 3, true) {
		t.Error("and more than there are")
	}
}

func TestANetworkOfIPv6AddressesIsOneSource(t *testing.T) {
	for a, b := range map[string]string{
		"2001:db8::1": "2001:db8:0:0:ffff::1", "::ffff:10.0.0.1": "10.0.0.1", "fe80::1%eth0": "fe80::2",
	} {
		if source(netip.MustParseAddr(a)) != source(netip.MustParseAddr(b)) {
			t.Errorf("%s and %s are two", a, b)
		}
	}
	for a, b := range map[string]string{"10.0.0.1": "10.0.0.2", "2001:db8::1": "2001:db8:0:1::1"} {
		if source(netip.MustParseAddr(a)) == source(netip.MustParseAddr(b)) {
			t.Errorf("%s and %s are one", a, b)
		}
	}
}

func TestABudgetNeverPromisesMoreThanThereIs(t *testing.T) {
	for _, files := range []uint64{0, 1, 16, 64, 256, 300, 1024, 4096, 1 << 16, 1 << 20, 1 << 40, 1<<64 - 1} {
		b := divide(files)
		for _, n := range []int{b.Public, b.Internal, b.Web, b.TLS} {
			if n < 1 || n > atMost {
				t.Errorf("%d files make %+v", files, b)
			}
		}
		if need := uint64(3*b.Web + 2*b.TLS + b.Public); files >= 64 && need > files {
			t.Errorf("%d files make %+v, which takes %d", files, b, need)
		}
		if b.Internal < b.Web {
			t.Errorf("%d files make %+v: who is held at the edge has no place at the internal API", files, b)
		}
	}
}
