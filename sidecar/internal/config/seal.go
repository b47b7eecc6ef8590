package config

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
)

var errSeal = errors.New("it was sealed with another SECRET; set it again")

// seal makes a secret unreadable for whoever sees the database only. The name is bound to it: one secret cannot be put
// in another's place.
func seal(key []byte, name, value string) (string, error) {
	box, err := newBox(key)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, box.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", err
	}
	return base64.RawStdEncoding.EncodeToString(box.Seal(nonce, nonce, []byte(value), []byte(name))), nil
}

func unseal(key []byte, name, sealed string) (string, error) {
	box, err := newBox(key)
	if err != nil {
		return "", err
	}
	text, err := base64.RawStdEncoding.DecodeString(sealed)
	if err != nil || len(text) < box.NonceSize() {
		return "", errSeal
	}
	value, err := box.Open(nil, text[:box.NonceSize()], text[box.NonceSize():], []byte(name))
	if err != nil {
		return "", errSeal
	}
	return string(value), nil
}

func newBox(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
