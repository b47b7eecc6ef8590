package identity

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/whaley-ctf/whaley/shared/ticket"
	"github.com/whaley-ctf/whaley/shared/wire"
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
	text, err := json.Marshal(code{
		ID: hex.EncodeToString(randomBytes(16)), Host: host, Nonce: nonce, Owner: p.Owner.ID, Player: p.ID, Session: p.Session,
		Expires: time.Now().Add(codeLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	iv := randomBytes(t.seal.NonceSize())
	return base64.RawURLEncoding.EncodeToString(t.seal.Seal(iv, iv, text, nil)), nil
}

// Redeem exchanges a code for a ticket, once. It refuses with code_refused whatever is wrong with it.
func (t *Tickets) Redeem(ctx context.Context, sealed, host, nonce string) (string, time.Time, error) {
	var c code
	now := time.Now()
	if !t.openAs(nil, sealed, &c) || c.Host != host || now.Unix() >= c.Expires || subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(nonce)) != 1 {
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

// Renew is a new ticket for what one was for that ends soon or has ended; empty: it lasts a while yet. Whether its
// sign-in still counts has been asked before.
func (t *Tickets) Renew(c ticket.Claims) (string, time.Time, error) {
	if c.Session == "" || c.Expires-time.Now().Unix() > wire.RenewWithin {
		return "", time.Time{}, nil
	}
	return t.sign(c)
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
