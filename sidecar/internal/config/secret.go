package config

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/docker/go-units"
)

// Secret is a text that prints as *** in logs, JSON and errors. Convert it to a string where it is used.
type Secret string

const hidden = "***"

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString hides it from %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides it from JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue hides it from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// UnmarshalText takes it from the environment.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret(text)
	return nil
}

// Bytes is a size like 384m or 1g.
type Bytes int64

// UnmarshalText reads it.
func (b *Bytes) UnmarshalText(text []byte) error {
	size, err := units.RAMInBytes(string(text))
	if err != nil || size < 0 {
		return errors.New("must be a size like 384m or 1g")
	}
	*b = Bytes(size)
	return nil
}

// text is the size in the largest unit that needs no fraction.
func (b Bytes) text() string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1 << 40, "t"}, {1 << 30, "g"}, {1 << 20, "m"}, {1 << 10, "k"}} {
		if n := int64(b); n != 0 && n%unit.size == 0 {
			return fmt.Sprintf("%d%s", n/unit.size, unit.name)
		}
	}
	return fmt.Sprint(int64(b))
}
