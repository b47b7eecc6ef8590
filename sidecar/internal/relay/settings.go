package relay

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// Settings are what a relay is told, in the variable WHALEY_RELAY.
type Settings struct {
	Port        int     `json:"port"`               // where players find web routes
	TLSPort     int     `json:"tls_port,omitempty"` // where they find routes by the name in TLS
	Secure      bool    `json:"secure"`             // the web is https
	BaseDomain  string  `json:"base_domain"`
	Routes      []Route `json:"routes"`
	Certificate []byte  `json:"certificate,omitempty"` // DER; none without TLS
	Authority   []byte  `json:"authority,omitempty"`   // DER, of who signed it
	Key         []byte  `json:"key,omitempty"`         // PKCS #8
}

// Route is one name and where it leads.
type Route struct {
	Host        string `json:"host"`
	Web         bool   `json:"web"`     // else by the name in TLS
	Backend     string `json:"backend"` // web: scheme://address:port, else address:port
	Passthrough bool   `json:"passthrough,omitempty"`
}

// Encode makes a text of settings that no shell and no file format takes amiss.
func (s Settings) Encode() (string, error) {
	text, err := json.Marshal(s)
	return base64.RawURLEncoding.EncodeToString(text), err
}

// Decode is the other way.
func Decode(text string) (Settings, error) {
	var s Settings
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(plain, &s)
	}
	if err != nil {
		return s, fmt.Errorf("WHALEY_RELAY is not what the sidecar writes there: %w", err)
	}
	return s, nil
}
