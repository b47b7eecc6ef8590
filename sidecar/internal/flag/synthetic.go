package flag

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// synthetic makes the flags of owners that are no players. They are kept nowhere and registered nowhere: the same ones
// as long as this process lives, which is longer than their instances do.
type synthetic struct{ key []byte }

func newSynthetic() synthetic {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails
	return synthetic{key}
}

func (s synthetic) flags(owner whaley.Owner, ch *whaley.Challenge) []string {
	var values []string
	for _, form := range ch.Flag.Forms() {
		about := owner.ID + "/" + ch.ID + "/" + form.Part
		bits, err := hkdf.Key(sha256.New, s.key, nil, about, form.Digits()/2)
		if err != nil {
			panic(err) // only for lengths that no flag has
		}
		values = append(values, form.Flag(hex.EncodeToString(bits)))
	}
	return values
}
