package kit

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	maxBody = 64 << 10 // bytes
	maxWait = 120      // seconds
)

// Decode reads a JSON body: limited, without unknown fields, one value.
func Decode[T interface{ Valid() error }](w http.ResponseWriter, r *http.Request) (T, error) {
	var value T
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	body.DisallowUnknownFields()
	if err := body.Decode(&value); err != nil {
		return value, whaley.Errorf(
			whaley.Invalid, "body_invalid", "The body is not the JSON that is wanted here: %s.", Explain(err),
		)
	}
	if _, err := body.Token(); !errors.Is(err, io.EOF) {
		return value, whaley.Errorf(whaley.Invalid, "body_invalid", "The body has more than one JSON value.")
	}
	return value, value.Valid()
}

// Explain says what is wrong with a body without repeating it.
func Explain(err error) string {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return "it is too large"
	case errors.Is(err, io.EOF):
		return "it is empty"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "it stopped coming, or came too slowly"
	}
	return err.Error()
}

// Write answers with JSON.
func Write(w http.ResponseWriter, status int, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // nobody to tell when the client has gone away
	return nil
}

// Waiting reads ?wait=seconds; 0 if there is none.
func Waiting(r *http.Request) (time.Duration, error) {
	text := r.URL.Query().Get("wait")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxWait {
		return 0, whaley.Errorf(whaley.Invalid, "wait_invalid", "wait must be a number of seconds from 0 to %d.", maxWait)
	}
	return time.Duration(n) * time.Second, nil
}

// Handler answers a request or returns why it did not; it has then written nothing.
type Handler func(w http.ResponseWriter, r *http.Request) error

// IDOf is what the path names.
func IDOf(r *http.Request) string { return r.PathValue("id") }
