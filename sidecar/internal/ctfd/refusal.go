package ctfd

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Codes of what CTFd refused; those that other packages act on are in instancer.
const (
	CodeMisconfigured = "ctfd_misconfigured" // the address is not a CTFd's API, or CTFd is not set up
	CodeForbidden     = "ctfd_forbidden"     // the token is good and may not do this
	CodeNotFound      = "ctfd_not_found"
	CodeInvalid       = "ctfd_invalid"
	CodeTooFast       = "ctfd_too_fast"
)

// Refusal is an answer that is no success, in CTFd's own words. They are for the log, not for players.
type Refusal struct {
	Method, Path string
	Status       int
	To           string              // where a redirect leads
	Message      string              // of an abort
	Fields       map[string][]string // of a body or a query that it did not take
}

func (r *Refusal) Error() string {
	var parts []string
	for field, texts := range r.Fields {
		parts = append(parts, field+": "+strings.Join(texts, ", "))
	}
	sort.Strings(parts)
	text := strings.TrimSpace(r.Message + " " + strings.Join(parts, "; "))
	if r.To != "" {
		text += ", it leads to " + r.To
	}
	return fmt.Sprintf("%s %s: %d %s", r.Method, r.Path, r.Status, text)
}

// refusal is the error that an answer means, nil for a success.
func refusal(r request, got answer) error {
	said := &Refusal{Method: r.method, Path: r.path, Status: got.status}
	if !got.json {
		// 302 to its login, a page, a proxy's words: whatever it is, it is not the API.
		said.Message, said.To = "the answer is not JSON", got.location
		return misconfigured(said)
	}
	if got.status >= 200 && got.status < 300 {
		return nil
	}
	said.read(got.body)
	if r.token == "" && (got.status == http.StatusUnauthorized || got.status == http.StatusForbidden) {
		return keyRefused(said)
	}
	kind, code, detail := whaley.Internal, CodeMisconfigured, "CTFd gave an answer that Whaley does not understand. Tell an organiser."
	switch got.status {
	case http.StatusUnauthorized:
		kind, code = whaley.Unauthorized, whaley.CodeTokenRefused
		detail = "CTFd does not know this access token. Make a new one in CTFd under Settings, Access Tokens."
		if strings.Contains(said.Message, "expired") {
			detail = "This access token has expired. Make a new one in CTFd under Settings, Access Tokens."
		}
	case http.StatusForbidden:
		kind, code, detail = whaley.Forbidden, CodeForbidden, "CTFd does not allow this."
	case http.StatusNotFound:
		kind, code, detail = whaley.NotFound, CodeNotFound, "CTFd does not know this."
	case http.StatusBadRequest:
		kind, code, detail = whaley.Invalid, CodeInvalid, "CTFd does not take this."
	case http.StatusTooManyRequests:
		return whaley.Errorf(whaley.Unavailable, CodeTooFast, "CTFd asks to go slower. Try again in a few seconds.").After(
			tripFor,
		).Because(said)
	}
	return whaley.Errorf(kind, code, "%s", detail).Because(said)
}

// read takes the words out of a body of either shape: {"message": …}, or {"errors": {field: text or list of texts}}.
func (r *Refusal) read(body []byte) {
	var said struct {
		Message string                     `json:"message"`
		Errors  map[string]json.RawMessage `json:"errors"`
	}
	if json.Unmarshal(body, &said) != nil {
		return
	}
	r.Message = said.Message
	for field, raw := range said.Errors {
		var one string
		var many []string
		if json.Unmarshal(raw, &one) == nil {
			many = []string{one}
		} else if json.Unmarshal(raw, &many) != nil {
			many = []string{string(raw)}
		}
		if r.Fields == nil {
			r.Fields = map[string][]string{}
		}
		r.Fields[field] = many
	}
}

// keyRefused is what CTFd's refusal of the admin's own token means: something is wrong with the key, and nothing is
// said of any player.
func keyRefused(said *Refusal) error {
	text := "CTFd does not let CTFD_API_KEY do this: it must be the access token of an admin. Tell an organiser."
	if said.Status == http.StatusUnauthorized {
		text = "CTFd does not take CTFD_API_KEY, the access token that Whaley reads accounts with, any more. Tell an organiser."
	}
	return whaley.Errorf(whaley.Unavailable, CodeMisconfigured, "%s", text).Because(said)
}

// status is that of the answer behind an error, 0 if there was none.
func status(err error) int {
	var said *Refusal
	if errors.As(err, &said) {
		return said.Status
	}
	return 0
}

func misconfigured(err error) error {
	return whaley.Errorf(whaley.Unavailable, CodeMisconfigured,
		"What CTFD_URL names does not answer as CTFd's API does. Tell an organiser.").Because(err)
}
