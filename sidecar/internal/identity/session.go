package identity

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	// SessionLife is how long an organiser's sign-in lasts, and a player's at least.
	SessionLife  = 12 * time.Hour
	maxSessions  = 50_000
	sessionFresh = 2 * time.Second // after which the row is read again: the one before may have ended it in a takeover
	maxCookie    = 256             // bytes
)

// SessionRows keeps sign-ins.
type SessionRows interface {
	StartSession(ctx context.Context, s whaley.Session) error
	// Session refuses with CodeSessionOver.
	Session(ctx context.Context, id string) (whaley.Session, error)
	RenewSession(ctx context.Context, id string, p whaley.Player, expires time.Time) error
	EndSession(ctx context.Context, id string) error
}

// Sessions are sign-ins of browsers. A cookie holds an id and its signature, so the ids alone, which tickets and the
// database hold, are of no use to anybody.
type Sessions struct {
	key   []byte
	rows  SessionRows
	known *lru.Cache[string, knownSession]
	reads singleflight.Group // of rows: all pages of a browser ask at the same moment
}

type knownSession struct {
	session whaley.Session
	at      time.Time
}

// NewSessions makes Sessions.
func NewSessions(keys Keys, rows SessionRows) *Sessions {
	known, err := lru.New[string, knownSession](maxSessions)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return &Sessions{key: keys.Session, rows: rows, known: known}
}

// start writes a new session. What it depends on beside its row is part of the signature: with another bound it is
// none.
func (s *Sessions) start(
	ctx context.Context, kind string, account int, p whaley.Player, bound []byte, life time.Duration,
) (whaley.Session, string, error) {
	now := time.Now().UTC()
	n := whaley.Session{ID: rand.Text(), Kind: kind, Account: account, Player: p, CreatedAt: now, ExpiresAt: now.Add(life)}
	n.Player.Session = n.ID
	if err := s.rows.StartSession(ctx, n); err != nil {
		return whaley.Session{}, "", err
	}
	s.known.Add(n.ID, knownSession{n, now})
	return n, n.ID + "." + s.sign(kind, n.ID, bound), nil
}

func (s *Sessions) sign(kind, id string, bound []byte) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(kind + "\x00" + id + "\x00"))
	mac.Write(bound)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// open is the id in a cookie that was made here.
func (s *Sessions) open(kind, cookie string, bound []byte) (string, bool) {
	id, signature, ok := strings.Cut(cookie, ".")
	if !ok || len(cookie) > maxCookie {
		return "", false
	}
	return id, hmac.Equal([]byte(signature), []byte(s.sign(kind, id, bound)))
}

func (s *Sessions) find(ctx context.Context, kind, cookie string, bound []byte) (whaley.Session, error) {
	id, ok := s.open(kind, cookie, bound)
	if !ok {
		return whaley.Session{}, sessionOver()
	}
	return s.byID(ctx, kind, id)
}

func (s *Sessions) byID(ctx context.Context, kind, id string) (whaley.Session, error) {
	k, seen := s.known.Get(id)
	if !seen || time.Since(k.at) > sessionFresh {
		n, err, _ := s.reads.Do(id, func() (any, error) { return s.read(context.WithoutCancel(ctx), id) })
		if err != nil {
			return whaley.Session{}, err
		}
		k = n.(knownSession)
	}
	if k.session.Kind != kind || !time.Now().Before(k.session.ExpiresAt) {
		return whaley.Session{}, sessionOver()
	}
	return k.session, nil
}

func (s *Sessions) read(ctx context.Context, id string) (knownSession, error) {
	n, err := s.rows.Session(ctx, id)
	if err != nil {
		s.known.Remove(id)
		return knownSession{}, err
	}
	k := knownSession{n, time.Now()}
	s.known.Add(id, k)
	return k, nil
}

// renew writes who a signed-in player is now, and when the sign-in ends.
func (s *Sessions) renew(ctx context.Context, n whaley.Session, p whaley.Player, expires time.Time) error {
	if err := s.rows.RenewSession(ctx, n.ID, p, expires.UTC()); err != nil {
		return err
	}
	s.known.Remove(n.ID)
	return nil
}

func (s *Sessions) end(ctx context.Context, kind, cookie string, bound []byte) error {
	id, ok := s.open(kind, cookie, bound)
	if !ok {
		return nil
	}
	if err := s.rows.EndSession(ctx, id); err != nil {
		return err
	}
	s.known.Remove(id)
	return nil
}

func sessionOver() error {
	return whaley.Errorf(whaley.Unauthorized, whaley.CodeSessionOver, "You are not signed in any more. Sign in again.")
}
