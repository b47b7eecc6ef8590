package identity

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/shared/ticket"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	codeLife   = time.Minute
	ticketLife = 12 * time.Hour
	maxCode    = 2048 // bytes
)

// Codes remembers which one-time codes were redeemed.
type Codes interface {
	// UseCode says true to the first who redeems a code.
	UseCode(ctx context.Context, code string, expires time.Time) (bool, error)
}

// Tickets makes one-time codes on the dashboard and exchanges them for tickets.
type Tickets struct {
	key  ed25519.PrivateKey
	seal cipher.AEAD
	used Codes
}

// NewTickets makes a Tickets out of derived keys.
func NewTickets(keys Keys, used Codes) (*Tickets, error) {
	block, err := aes.NewCipher(keys.Code)
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Tickets{key: keys.Tickets, seal: seal, used: used}, nil
}

// code is what a one-time code says; it travels through the browser sealed.
type code struct {
	ID      string `json:"i"`
	Host    string `json:"h"`
	Nonce   string `json:"n"`
	Owner   string `json:"o"`
	Player  string `json:"p"`
	Session string `json:"s,omitempty"`
	Expires int64  `json:"e"` // Unix seconds
}

// PublicKeys verify tickets, newest first.
func (t *Tickets) PublicKeys() []string {
	public := t.key.Public().(ed25519.PublicKey)
	return []string{base64.RawURLEncoding.EncodeToString(public)}
}

// Code makes a one-time code for a player, a host and the browser that holds the nonce. It is good for 60 s.
func (t *Tickets) Code(p whaley.Player, host, nonce string) (string, error) {
	id := make([]byte, 16)
	rand.Read(id)
	text, err := json.Marshal(code{
		ID: hex.EncodeToString(id), Host: host, Nonce: nonce, Owner: p.Owner.ID, Player: p.ID, Session: p.Session,
		Expires: time.Now().Add(codeLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	iv := make([]byte, t.seal.NonceSize())
	rand.Read(iv)
	return base64.RawURLEncoding.EncodeToString(t.seal.Seal(iv, iv, text, nil)), nil
}

// Redeem exchanges a code for a ticket, once. It refuses with code_refused whatever is wrong with it.
func (t *Tickets) Redeem(ctx context.Context, sealed, host, nonce string) (string, time.Time, error) {
	c, ok := t.open(sealed)
	now := time.Now()
	if !ok || c.Host != host || now.Unix() >= c.Expires || subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(nonce)) != 1 {
		return "", time.Time{}, refused()
	}
	first, err := t.used.UseCode(ctx, c.ID, time.Unix(c.Expires, 0).Add(time.Minute))
	if err != nil {
		return "", time.Time{}, err
	}
	if !first {
		return "", time.Time{}, refused()
	}
	return t.sign(ticket.Claims{Host: host, Owner: c.Owner, Player: c.Player, Session: c.Session})
}

// Ticket makes a ticket for one of a player's own hosts without any code: for the player's tools.
func (t *Tickets) Ticket(p whaley.Player, host string) (string, time.Time, error) {
	return t.sign(ticket.Claims{Host: host, Owner: p.Owner.ID, Player: p.ID, Session: p.Session})
}

func (t *Tickets) sign(c ticket.Claims) (string, time.Time, error) {
	expires := time.Now().Add(ticketLife)
	c.Expires = expires.Unix()
	signed, err := ticket.Sign(t.key, c)
	return signed, expires, err
}

func refused() error {
	return whaley.Errorf(
		whaley.Forbidden, "code_refused",
		"This sign-in code is used up, too old, or not for this host. Open the address again.",
	)
}

func (t *Tickets) open(sealed string) (code, bool) {
	var c code
	if len(sealed) > maxCode || strings.ContainsAny(sealed, "\r\n") {
		return c, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || len(raw) < t.seal.NonceSize() {
		return c, false
	}
	text, err := t.seal.Open(nil, raw[:t.seal.NonceSize()], raw[t.seal.NonceSize():], nil)
	return c, err == nil && json.Unmarshal(text, &c) == nil
}
