package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const maxEvents = 100 // in one message

type eventJSON struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	At        time.Time `json:"timestamp"`
	Instance  string    `json:"instance"`
	Challenge string    `json:"challenge"`
	Owner     string    `json:"owner"`
	Player    string    `json:"player"`
	Message   string    `json:"message"`
}

// Encode makes the JSON of a message: {"events": […]}, oldest first.
func Encode(_ context.Context, events []whaley.Event) ([]byte, int, error) {
	all := make([]eventJSON, 0, min(len(events), maxEvents))
	for _, ev := range events[:min(len(events), maxEvents)] {
		all = append(all, eventJSON{ev.ID, ev.Type, ev.At, ev.Instance, ev.Challenge, ev.Owner, ev.Player, ev.Message})
	}
	body, err := json.Marshal(map[string]any{"events": all})
	return body, len(all), err
}

// Signer signs as standardwebhooks.com describes it: with the key, or with what it is the base64 of after "whsec_".
func Signer(key func() string) func(id string, at time.Time, body []byte) http.Header {
	return func(id string, at time.Time, body []byte) http.Header {
		secret := []byte(key())
		if encoded, found := strings.CutPrefix(key(), "whsec_"); found {
			if raw, err := base64.StdEncoding.DecodeString(encoded); err == nil {
				secret = raw
			}
		}
		stamp := strconv.FormatInt(at.Unix(), 10)
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte("msg_" + id + "." + stamp + "."))
		mac.Write(body)
		header := http.Header{}
		header.Set("Webhook-Id", "msg_"+id)
		header.Set("Webhook-Timestamp", stamp)
		header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		return header
	}
}
