package jail

import (
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // what hashcash is made of
	"fmt"
	"io"
	"math/big"
	"strings"
)

// maxBits are the bits of a hash, of which a stamp cannot have more that are zero.
const maxBits = sha1.Size * 8

// askHashcash has a player do the work as cybersecnatlab's jail and its socaz do: a stamp of hashcash, version 1, for a
// resource that is made anew for each connection. It says whether it was done.
func askHashcash(player io.ReadWriter, zeros int) bool {
	resource := rand.Text()[:12]
	if _, err := fmt.Fprintf(player, "Do Hashcash for %d bits with resource \"%s\"\nResult: ", zeros, resource); err != nil {
		return false
	}
	line, err := readLine(player)
	if err != nil {
		return false
	}
	if !stamped(strings.TrimSpace(line), resource, zeros) {
		_, _ = io.WriteString(player, "Wrong result\n")
		return false
	}
	return true
}

// stamped says whether a stamp is one for the resource: version:bits:date:resource:extension:random:counter. Its date
// does not matter, as no resource is asked for twice.
func stamped(stamp, resource string, zeros int) bool {
	part := strings.Split(stamp, ":")
	if len(part) != 7 || part[0] != "1" || part[3] != resource {
		return false
	}
	claimed, err := number(part[1], maxBits)
	if err != nil || claimed < zeros {
		return false
	}
	hash := sha1.Sum([]byte(stamp)) //nolint:gosec // as above
	return maxBits-new(big.Int).SetBytes(hash[:]).BitLen() >= zeros
}
