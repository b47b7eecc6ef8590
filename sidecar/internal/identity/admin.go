package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Admins knows organisers: by the admin key, by the token of a CTFd admin, or by a session that one of these started.
type Admins struct {
	key      [sha256.Size]byte
	none     bool     // there is no admin key
	players  *Players // nil: nobody is known by CTFd
	sessions *Sessions
	keys     OrganiserKeys      // nil: organisers have no keys of their own
	ctfdRole func() whaley.Role // nil: admin
}

// NewAdmins makes Admins. An empty key is nobody's; players may be nil.
func NewAdmins(key string, players *Players, sessions *Sessions) *Admins {
	return &Admins{key: sha256.Sum256([]byte(key)), none: key == "", players: players, sessions: sessions}
}

// keyName is what whoever has the admin key is called in the log of events.
const keyName = "admin key"

// ByKey says whether a key is the admin key. It takes the same time whatever is wrong with it.
func (a *Admins) ByKey(key string) (name string, ok bool) {
	got := sha256.Sum256([]byte(key))
	return keyName, subtle.ConstantTimeCompare(got[:], a.key[:]) == 1 && !a.none
}

// ByToken is the CTFd admin whose access token this is.
func (a *Admins) ByToken(ctx context.Context, token string) (whaley.Organiser, error) {
	if a.players == nil {
		return whaley.Organiser{}, refusedAdmin()
	}
	account, err := a.players.Admin(ctx, token)
	if err != nil {
		return whaley.Organiser{}, err
	}
	return a.ofCTFd(adminName(account))
}

// ctfdName begins what CTFd's admins are called in the log of events.
const ctfdName = "CTFd admin "

func adminName(account whaley.Account) string {
	return fmt.Sprintf(ctfdName+"%s (%d)", account.Name, account.ID)
}

// SignIn starts a session of the panel with the admin key, an organiser's own or a CTFd admin's token.
func (a *Admins) SignIn(ctx context.Context, secret, address string) (s whaley.Session, cookie string, err error) {
	p := whaley.Player{Name: keyName, Address: address}
	account := 0
	if strings.HasPrefix(secret, keyPrefix) && a.keys != nil {
		k, err := a.named(ctx, secret)
		if err != nil {
			return s, "", err
		}
		p.ID, p.Name = keyPrefix+k.ID, k.Name
	} else if _, ok := a.ByKey(secret); !ok {
		if a.players == nil {
			return s, "", refusedAdmin()
		}
		admin, err := a.players.Admin(ctx, secret)
		if err != nil {
			return s, "", err
		}
		account, p.Name = admin.ID, adminName(admin)
		if _, err := a.ofCTFd(p.Name); err != nil {
			return s, "", err
		}
	}
	return a.sessions.start(ctx, whaley.SessionAdmin, account, p, a.key[:], SessionLife)
}

// ByCookie is the organiser of a session. Another admin key ends all of them, as does an account that is no admin's any
// more, and a key that was revoked those of its own.
func (a *Admins) ByCookie(ctx context.Context, cookie string) (whaley.Organiser, error) {
	s, err := a.sessions.find(ctx, whaley.SessionAdmin, cookie, a.key[:])
	if err != nil {
		return whaley.Organiser{}, err
	}
	if s.Account != 0 {
		if a.players == nil {
			return whaley.Organiser{}, sessionOver()
		}
		asking, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if _, err := a.players.admin(asking, s.Account); err != nil && isRefusal(err) {
			return whaley.Organiser{}, err
		}
	}
	return a.ofSession(ctx, s)
}

// SignOut ends the session of a cookie.
func (a *Admins) SignOut(ctx context.Context, cookie string) error {
	return a.sessions.end(ctx, whaley.SessionAdmin, cookie, a.key[:])
}

func refusedAdmin() error {
	return whaley.Errorf(whaley.Unauthorized, "key_refused", "The key is missing or wrong.")
}
