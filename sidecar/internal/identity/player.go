package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// v6Bits is how much of an IPv6 address says who somebody is: the rest changes as their machine likes.
const v6Bits = 64

// ByAddress is the player at an address, where that is enough to know somebody (AUTH_MODE=none).
func (k Keys) ByAddress(address netip.Addr) instancer.Player {
	if !address.IsValid() {
		return instancer.Player{}
	}
	address = address.Unmap().WithZone("")
	who := address.String()
	if address.Is6() {
		prefix, err := address.Prefix(v6Bits)
		if err != nil {
			return instancer.Player{}
		}
		who = prefix.String()
	}
	mac := hmac.New(sha256.New, k.Player)
	mac.Write([]byte(who))
	id := "user_" + hex.EncodeToString(mac.Sum(nil))[:12]
	return instancer.Player{ID: id, Name: who, Owner: instancer.Owner{ID: id, Name: who}, Address: address.String()}
}
