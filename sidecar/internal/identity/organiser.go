package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// OrganiserKeys finds keys of named organisers that count, and refuses with key_refused.
type OrganiserKeys interface {
	OrganiserKeyByHash(ctx context.Context, hash string) (whaley.OrganiserKey, error)
	OrganiserKeyByID(ctx context.Context, id string) (whaley.OrganiserKey, error)
}

// keyPrefix begins the keys of named organisers, so that scanners for leaked secrets know one, and begins the player of
// their sessions.
const keyPrefix = "whaley_"

// NewOrganiserKey makes a key for an organiser. The secret beside the row is shown once and is nowhere else.
func NewOrganiserKey(name string, role whaley.Role, by string) (k whaley.OrganiserKey, secret string, err error) {
	id, err := uuid.NewV7()
	if err != nil {
		return k, "", err
	}
	secret = keyPrefix + rand.Text()
	return whaley.OrganiserKey{
		ID: id.String(), Name: name, Role: role, Hash: hashOf(secret), CreatedAt: time.Now().UTC(), CreatedBy: by,
	}, secret, nil
}

// hashOf needs neither salt nor slowness: keys are 130 random bits.
func hashOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// NameTaken says whether a name is what the log of events calls somebody who has no key of a named organiser.
func NameTaken(name string) bool {
	name = strings.ToLower(name)
	return name == keyName || strings.HasPrefix(name, strings.ToLower(ctfdName))
}

// UseKeys has Admins know named organisers by their keys too.
func (a *Admins) UseKeys(keys OrganiserKeys) { a.keys = keys }

// UseCTFdRole sets what role CTFd's admins have now; empty: none. Without it they are admins.
func (a *Admins) UseCTFdRole(role func() whaley.Role) { a.ctfdRole = role }

// ofCTFd is a CTFd admin as an organiser.
func (a *Admins) ofCTFd(name string) (whaley.Organiser, error) {
	role := whaley.RoleAdmin
	if a.ctfdRole != nil {
		role = a.ctfdRole()
	}
	if role == "" {
		return whaley.Organiser{}, whaley.Errorf(
			whaley.Forbidden, "ctfd_admins_refused",
			"CTFd's admins are no organisers here (CTFD_ADMIN_ROLE is none). Sign in with a key of your own.",
		)
	}
	return whaley.Organiser{Name: name, Role: role}, nil
}

// Known is the organiser who has a key: the admin key, or one of their own.
func (a *Admins) Known(ctx context.Context, key string) (whaley.Organiser, error) {
	if name, ok := a.ByKey(key); ok {
		return whaley.Organiser{Name: name, Role: whaley.RoleAdmin}, nil
	}
	k, err := a.named(ctx, key)
	return whaley.Organiser{Name: k.Name, Role: k.Role}, err
}

// named is the row of a named organiser's key.
func (a *Admins) named(ctx context.Context, key string) (whaley.OrganiserKey, error) {
	if a.keys == nil || !strings.HasPrefix(key, keyPrefix) {
		return whaley.OrganiserKey{}, refusedAdmin()
	}
	return a.keys.OrganiserKeyByHash(ctx, hashOf(key))
}

// ofSession is the organiser of a session as they are now: without one that has lost its key.
func (a *Admins) ofSession(ctx context.Context, s whaley.Session) (whaley.Organiser, error) {
	if s.Account != 0 {
		return a.ofCTFd(s.Player.Name)
	}
	id, named := strings.CutPrefix(s.Player.ID, keyPrefix)
	if !named {
		return whaley.Organiser{Name: s.Player.Name, Role: whaley.RoleAdmin}, nil
	}
	if a.keys == nil {
		return whaley.Organiser{}, sessionOver()
	}
	k, err := a.keys.OrganiserKeyByID(ctx, id)
	if isRefusal(err) {
		return whaley.Organiser{}, sessionOver()
	}
	return whaley.Organiser{Name: k.Name, Role: k.Role}, err
}
