package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// asHandover keeps a code for signing in from being one for a ticket, which the same key seals.
var asHandover = []byte("sign-in")

// handover says which account of CTFd's is to be signed in, in the browser that knows the state.
type handover struct {
	ID      string `json:"i"`
	Account int    `json:"a"`
	State   string `json:"s"`
	Expires int64  `json:"e"` // Unix seconds
}

// Handover makes a one-time code that signs an account of CTFd's in, for the browser that has gone there with a state.
// It is good for 60 s.
func (t *Tickets) Handover(account int, state string) (string, error) {
	text, err := json.Marshal(handover{
		ID: hex.EncodeToString(randomBytes(16)), Account: account, State: state, Expires: time.Now().Add(codeLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	iv := randomBytes(t.seal.NonceSize())
	return base64.RawURLEncoding.EncodeToString(t.seal.Seal(iv, iv, text, asHandover)), nil
}

// TakeOver is the account of a code, once. It refuses with handover_refused whatever is wrong with it.
func (t *Tickets) TakeOver(ctx context.Context, sealed, state string) (account int, err error) {
	var h handover
	now := time.Now()
	if !t.openAs(asHandover, sealed, &h) || h.Account < 1 || now.Unix() >= h.Expires ||
		subtle.ConstantTimeCompare([]byte(h.State), []byte(state)) != 1 {
		return 0, handoverRefused()
	}
	first, err := t.used.UseCode(ctx, h.ID, time.Unix(h.Expires, 0).Add(time.Minute))
	if err != nil {
		return 0, err
	}
	if !first {
		return 0, handoverRefused()
	}
	return h.Account, nil
}

func handoverRefused() error {
	return whaley.Errorf(
		whaley.Unauthorized, "handover_refused", "This sign-in is used up or took too long. Sign in again.",
	)
}

// openAs reads what was sealed for a purpose.
func (t *Tickets) openAs(purpose []byte, sealed string, into any) bool {
	if len(sealed) > maxCode || strings.ContainsAny(sealed, "\r\n") {
		return false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || len(raw) < t.seal.NonceSize() {
		return false
	}
	text, err := t.seal.Open(nil, raw[:t.seal.NonceSize()], raw[t.seal.NonceSize():], purpose)
	return err == nil && json.Unmarshal(text, into) == nil
}

func randomBytes(n int) []byte {
	bits := make([]byte, n)
	rand.Read(bits)
	return bits
}
