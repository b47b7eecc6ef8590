package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	// v6Bits is how much of an IPv6 address says who somebody is: the rest changes as their machine likes.
	v6Bits = 64
	// thisComputer is what the player at the server's own keyboard is called.
	thisComputer = "This computer"
)

// loopback is what this computer's own programs come from: of a name like whaley.localhost a browser takes ::1 and curl
// 127.0.0.1, and it is one person who uses both. It stands for both, so ids made for it are those of earlier versions.
// Other addresses of 127.0.0.0/8 are never a program's own choice: who gives one wants to be another player.
var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// ByAddress is the player at an address, where that is enough to know somebody (AUTH_MODE=none).
func (k Keys) ByAddress(address netip.Addr) whaley.Player {
	if !address.IsValid() {
		return whaley.Player{}
	}
	address = address.Unmap().WithZone("")
	who := address.String()
	if address.Is6() {
		prefix, err := address.Prefix(v6Bits)
		if err != nil {
			return whaley.Player{}
		}
		who = prefix.String()
	}
	name := who
	if address == netip.IPv6Loopback() || address == loopback {
		who, name = loopback.String(), thisComputer
	}
	mac := hmac.New(sha256.New, k.Player)
	mac.Write([]byte(who))
	id := "user_" + hex.EncodeToString(mac.Sum(nil))[:12]
	return whaley.Player{ID: id, Name: name, Owner: whaley.Owner{ID: id, Name: name}, Address: address.String()}
}
