package guest

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const (
	keySize = 32
	// Most is how many bytes a message may have.
	Most = 4 << 20
)

// Message is what a container is told once it is somebody's.
type Message struct {
	Argv    []string         `json:"argv,omitempty"` // in the place of the order's
	Patches []Patch          `json:"patches,omitempty"`
	Env     []string         `json:"env,omitempty"`    // KEY=value, in the place of variables of the same name or after all others
	Hosts   []string         `json:"hosts,omitempty"`  // lines for /etc/hosts
	Limits  map[string]Limit `json:"limits,omitempty"` // by the names that ulimits have, as nofile
	Files   []byte           `json:"-"`                // an archive (tar) of what is put into the container; only a guest that stays takes it
}

// Patch are bytes of one file that become others, as many as they were.
type Patch struct {
	Path  string   `json:"path"`
	Links []string `json:"links,omitempty"` // further names of the same file
	Swaps []Swap   `json:"swaps"`
}

// Swap is one place in a file.
type Swap struct {
	At  int64  `json:"at"`
	Old []byte `json:"old"` // what is there, unless it is New already
	New []byte `json:"new"`
}

// Limit is what a process may have of something.
type Limit struct {
	Soft uint64 `json:"soft"`
	Hard uint64 `json:"hard"`
}

// Key opens one container's gate. Only the sidecar has it; the container has its hash.
type Key [keySize]byte

// NewKey makes a key.
func NewKey() (k Key) {
	_, _ = rand.Read(k[:]) // never fails
	return k
}

// Hash is what a gate knows a key by, in hex.
func (k Key) Hash() string {
	sum := sha256.Sum256(k[:])
	return hex.EncodeToString(sum[:])
}

// opens says whether a key is that of a hash.
func opens(k Key, hash string) bool {
	return subtle.ConstantTimeCompare([]byte(k.Hash()), []byte(hash)) == 1
}

// Seal is a message as a gate takes it.
func Seal(k Key, m Message) ([]byte, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("message for a container: %w", err)
	}
	if len(text) > Most {
		return nil, fmt.Errorf("message for a container: it has %d bytes, and at most %d are taken", len(text), Most)
	}
	return append(k[:], text...), nil
}

// errWrong is all that is said of a message that does not count.
var errWrong = errors.New("what came is no message for this container")

// read reads a message up to its end.
func read(from io.Reader, hash string) (m Message, err error) {
	all, err := io.ReadAll(io.LimitReader(from, keySize+Most+1))
	if err != nil || len(all) > keySize+Most {
		return m, errWrong
	}
	var k Key
	n := copy(k[:], all)
	if !opens(k, hash) || n < keySize {
		return m, errWrong
	}
	decoder := json.NewDecoder(bytes.NewReader(all[keySize:]))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil || decoder.More() {
		return Message{}, errWrong // cut off: who wrote it will do so again
	}
	return m, nil
}
