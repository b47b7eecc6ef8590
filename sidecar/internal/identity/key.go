package identity

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// secretBytes is the length of a secret that is made here.
const secretBytes = 32

// Keys are derived from the secret, one for each use, so that none says anything of another.
type Keys struct {
	Slug    []byte             // of host names
	Player  []byte             // of players' ids
	Code    []byte             // of one-time codes
	Session []byte             // of the cookies of sign-ins
	Tickets ed25519.PrivateKey // of tickets
	Setting []byte             // of secrets among the settings in the database
	Inside  *ecdsa.PrivateKey  // of who signs certificates that are good inside instances
}

// Derive makes all keys of one secret.
func Derive(secret []byte) (Keys, error) {
	if len(secret) < secretBytes {
		return Keys{}, fmt.Errorf("the secret has %d bytes and needs at least %d", len(secret), secretBytes)
	}
	derive := func(use string) []byte {
		key, err := hkdf.Key(sha256.New, secret, nil, "whaley "+use, 32)
		if err != nil {
			panic(err) // 32 bytes of SHA-256 are always possible
		}
		return key
	}
	return Keys{
		Slug: derive("slug"), Player: derive("player"), Code: derive("code"), Setting: derive("setting"),
		Session: derive("session"),
		Tickets: ed25519.NewKeyFromSeed(derive("ticket")), Inside: signer(derive),
	}, nil
}

// signer is the first of the derived numbers that is a key of the curve: nearly every number is.
func signer(derive func(use string) []byte) *ecdsa.PrivateKey {
	for n := 0; ; n++ {
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), derive("inside "+strconv.Itoa(n))); err == nil {
			return key
		}
	}
}

// SecretIn reads the secret of a data folder, which is made there the first time. The file appears whole or not at
// all: a cut-off secret would change every address.
func SecretIn(dir string) ([]byte, error) {
	path := filepath.Join(dir, "secret")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeSecret(dir, path); err != nil {
			return nil, fmt.Errorf("make the secret: %w", err)
		}
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	secret, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(secret) < secretBytes {
		return nil, fmt.Errorf(
			"%s is damaged. Restore it from a backup; without it every instance gets another address", path,
		)
	}
	return secret, nil
}

func makeSecret(dir, path string) error {
	secret := make([]byte, secretBytes)
	rand.Read(secret)
	f, err := os.CreateTemp(dir, ".secret-") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.WriteString(base64.RawURLEncoding.EncodeToString(secret) + "\n"); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	err = os.Link(f.Name(), path) // unlike a rename it does not replace what another process made meanwhile
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}
