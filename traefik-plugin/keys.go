package whaley

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/shared/peer"
	"github.com/whaley-ctf/whaley/shared/ticket"
	"github.com/whaley-ctf/whaley/shared/turn"
	"github.com/whaley-ctf/whaley/shared/wire"
)

const (
	keysFresh   = time.Minute
	keysRecheck = 5 * time.Second // after a ticket that none of the known keys has signed
	maxVerified = 8192
	maxForged   = 4096
)

// keyring is what the plugin needs to decide without asking.
type keyring struct {
	tickets  []ed25519.PublicKey
	authMode string
	trusted  []netip.Prefix
	text     string // all of it, to tell another one by
}

// verifiedTicket is a ticket whose signature was checked before: the check costs a tenth of a millisecond interpreted.
type verifiedTicket struct {
	claims ticket.Claims
	keys   *keyring
}

// ring is the current keyring. It is fetched before the first decision and refreshed behind the requests' backs; old
// keys are better than none.
func (s *sidecar) ring(ctx context.Context) (*keyring, error) {
	s.mu.Lock()
	ring := s.keys
	refresh := ring != nil && time.Since(s.keysAt) > keysFresh && !s.fetching
	if refresh {
		s.fetching = true
	}
	s.mu.Unlock()
	if ring == nil {
		return s.fetchKeys(ctx)
	}
	if refresh {
		go func() {
			_, _ = s.fetchKeys(context.Background())
			s.mu.Lock()
			s.fetching = false
			s.mu.Unlock()
		}()
	}
	return ring, nil
}

func (s *sidecar) fetchKeys(ctx context.Context) (*keyring, error) {
	var keys wire.Keys
	problem, err := s.call(ctx, wire.PathKeys, callTimeout, nil, &keys, nil)
	if err != nil {
		return nil, err
	}
	if problem != nil {
		return nil, s.failed(ctx, wire.PathKeys, problem.Code)
	}
	ring := &keyring{authMode: keys.AuthMode}
	ring.text = strings.Join(keys.TicketKeys, " ") + "\x00" + keys.AuthMode + "\x00" +
		strings.Join(keys.TrustedProxies, " ")
	for _, text := range keys.TicketKeys {
		key, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil || len(key) != ed25519.PublicKeySize {
			return nil, s.failed(ctx, wire.PathKeys, "sent a key that is none")
		}
		ring.tickets = append(ring.tickets, key)
	}
	if ring.trusted, err = peer.ParsePrefixes(keys.TrustedProxies); err != nil {
		return nil, s.failed(ctx, wire.PathKeys, err.Error())
	}
	look := faceOf(keys)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.face = look
	if s.keys == nil || s.keys.text != ring.text {
		s.keys = ring // else what was checked with the keys stays checked
	}
	s.keysAt = time.Now()
	if s.turns == nil || s.width != keys.AddressTurns {
		s.turns = turn.New(keys.AddressTurns)
		s.width = keys.AddressTurns
	}
	return s.keys, nil
}

// checked says what is known of a ticket's signature from an earlier request.
func (s *sidecar) checked(ring *keyring, token, host string) (claims ticket.Claims, known bool, err error) {
	s.mu.Lock()
	before, seen := s.verified[token]
	forged := s.forged[token]
	s.mu.Unlock()
	if seen && before.keys == ring && before.claims.Host == host && time.Now().Unix() < before.claims.Expires {
		return before.claims, true, nil
	}
	return claims, forged == ring, ticket.ErrForged
}

// verify checks a ticket for a host. One that no known key has signed may have been signed by a new key, so the
// keys are asked for again, but not for every forgery.
func (s *sidecar) verify(ctx context.Context, ring *keyring, token, host string) (ticket.Claims, error) {
	now := time.Now()
	claims, err := ticket.Verify(ring.tickets, token, host, now)
	if errors.Is(err, ticket.ErrForged) {
		s.mu.Lock()
		old := now.Sub(s.keysAt) > keysRecheck
		if old {
			s.keysAt = now // others that come at the same time do not ask too
		}
		s.mu.Unlock()
		if old {
			if ring, err = s.fetchKeys(ctx); err != nil {
				return claims, ticket.ErrForged
			}
			claims, err = ticket.Verify(ring.tickets, token, host, now)
		}
	}
	if errors.Is(err, ticket.ErrForged) {
		s.mu.Lock()
		if len(s.forged) >= maxForged {
			s.forged = map[string]*keyring{}
		}
		s.forged[strings.Clone(token)] = ring // not the whole line of cookies that it is part of
		s.mu.Unlock()
	}
	if err != nil {
		return claims, err
	}
	s.mu.Lock()
	if len(s.verified) >= maxVerified {
		s.verified = map[string]verifiedTicket{}
	}
	s.verified[strings.Clone(token)] = verifiedTicket{claims: claims, keys: ring}
	s.mu.Unlock()
	return claims, nil
}
