// Package wire holds the JSON that the plugin and the sidecar exchange on the internal API.
//
// It is interpreted by Yaegi: flat structs, exported and tagged fields, no methods with own (un)marshalling.
package wire

// Paths of the internal API. All are POST except PathKeys; all want the plugin key as a bearer token.
const (
	PathKeys   = "/internal/keys"   // GET: Keys
	PathWake   = "/internal/wake"   // HostRequest → HostStatus: of the owner's instance once it runs, started if need be
	PathStatus = "/internal/status" // HostRequest → HostStatus as soon as its version differs from seen; never wakes
	PathTicket = "/internal/ticket" // TicketRequest → TicketResponse, or a Problem
)

// Names the plugin and the sidecar must agree on.
const (
	ReservedPrefix = "/.well-known/whaley/"       // never forwarded to a container
	TicketPath     = "/.well-known/whaley/ticket" // ?code=…&path=…
	StatusPath     = "/.well-known/whaley/status" // JSON, or server-sent events when asked for
	SignInPath     = "/auth/instance"             // on the dashboard: ?host=…&nonce=…&path=…
	TicketHeader   = "X-Whaley-Ticket"            // a tool's way to show a ticket
	RequestHeader  = "X-Request-Id"               // one id from the plugin to the engine calls
	TraceHeader    = "Traceparent"                // W3C trace context, from the plugin's wake on
	HeldHeader     = "X-Whaley-Held"              // of PathWake and PathStatus, sent at once: the answer follows within wait_ms
	ProblemType    = "application/problem+json"   // RFC 9457
	CodeStandby    = "standby"                    // of a Problem: the sidecar is not the active one, ask the next
	AuthNone       = "none"                       // a player is an address
	AuthCTFd       = "ctfd"                       // a player is a CTFd account
	AuthOIDC       = "oidc"                       // a player is an account of an OpenID Connect provider
	AuthRCTF       = "rctf"                       // rCTF starts instances, nobody signs in
)

// RenewWithin is how many seconds before its end a ticket in a cookie is renewed, while its sign-in lasts.
const RenewWithin = 6 * 3600

// What becomes of the headers by which a client says whom it asks for (X-Forwarded-For and its kind); empty is the
// first.
const (
	ForwardedReplace = "replace" // a container gets what is true instead
	ForwardedAppend  = "append"  // what was sent, and the client's address behind it, as many proxies do
	ForwardedNone    = "none"    // what was sent, and nothing else
)

// States of a host as the plugin sees them: those of an instance, and the two of a host without one.
const (
	StateUnknown  = "unknown"  // no such host, or nothing this asker may know of
	StateAsleep   = "asleep"   // the asker's own, no live instance
	StateQueued   = "queued"   //
	StateStarting = "starting" //
	StateRunning  = "running"  //
	StateStopping = "stopping" //
	StateFailed   = "failed"   // the last spawn failed or was refused; Problem says why and when to try again
)

// Keys is what a plugin needs to decide without asking: fetched at first use and every minute.
type Keys struct {
	TicketKeys     []string `json:"ticket_keys"`     // Ed25519 public keys, base64url without padding, newest first
	AuthMode       string   `json:"auth_mode"`       // AuthNone or AuthCTFd
	TrustedProxies []string `json:"trusted_proxies"` // CIDRs whose X-Forwarded-For is believed
	AddressTurns   int      `json:"address_turns"`   // what one address has done at the same time; 0: as turn.New says

	// How the event looks; all may be empty.
	EventName    string   `json:"event_name,omitempty"`
	EventHome    string   `json:"event_home,omitempty"`    // URL of the scoreboard
	EventFooter  string   `json:"event_footer,omitempty"`  // text
	EventLogo    string   `json:"event_logo,omitempty"`    // data: address of a picture
	EventColours []string `json:"event_colours,omitempty"` // #rrggbb: accent and text on it in the dark theme, the same in the light one
}

// HostRequest asks about one instance host.
type HostRequest struct {
	Host    string `json:"host"`              // as in the request, lower case, without port
	Owner   string `json:"owner,omitempty"`   // from a verified ticket, else empty
	Player  string `json:"player,omitempty"`  // from a verified ticket, else empty
	Session string `json:"session,omitempty"` // from a verified ticket, else empty
	Expires int64  `json:"expires,omitempty"` // from a ticket in a cookie that ends soon or has ended and is to be renewed, Unix seconds
	Address string `json:"address,omitempty"` // the client's address; in AuthNone it is who they are
	WaitMS  int    `json:"wait_ms,omitempty"` // how long the answer may take, milliseconds
	Seen    string `json:"seen,omitempty"`    // PathStatus: the version the asker has

	Language string `json:"language,omitempty"` // of the stage and the problem, for people; empty: English
}

// HostStatus is what there is to know about a host. For an asker without rights to a host that is not running
// it is the same as for a host that does not exist.
type HostStatus struct {
	State      string   `json:"state"`
	Mine       bool     `json:"mine"`                  // the asker (ticket owner, or address in AuthNone) owns this host
	Revoked    bool     `json:"revoked,omitempty"`     // the ticket counts no more: signed out, banned, or in another team
	Access     string   `json:"access,omitempty"`      // "link" or "owner"
	Backend    string   `json:"backend,omitempty"`     // running: http://address:port of this host's route
	Forwarded  string   `json:"forwarded,omitempty"`   // running: what becomes of forwarding headers that a client sends
	Instance   string   `json:"instance,omitempty"`    // id
	Challenge  string   `json:"challenge,omitempty"`   // id
	Name       string   `json:"name,omitempty"`        // the challenge's name, for people
	Stage      string   `json:"stage,omitempty"`       // what is being done, for people
	Position   int      `json:"position,omitempty"`    // place in the queue, 1 is next; 0: not queued
	EstimateMS int64    `json:"estimate_ms,omitempty"` // how long it still waits in the queue, about
	ElapsedMS  int64    `json:"elapsed_ms,omitempty"`  // since the spawn was asked for
	Version    string   `json:"version"`               // changes whenever any of this does
	Ending     bool     `json:"ending,omitempty"`      // the sidecar ends and lets go of whom it holds: ask the next one
	Problem    *Problem `json:"problem,omitempty"`     // StateFailed, or why this asker's wake was refused

	Ticket        string `json:"ticket,omitempty"`         // in place of the one that ends; empty: the asker's is not renewed
	TicketExpires int64  `json:"ticket_expires,omitempty"` // Unix seconds
}

// TicketRequest redeems a one-time code for a ticket.
type TicketRequest struct {
	Host  string `json:"host"`
	Code  string `json:"code"`
	Nonce string `json:"nonce"`
}

// TicketResponse carries a signed ticket for the host that asked.
type TicketResponse struct {
	Ticket  string `json:"ticket"`
	Expires int64  `json:"expires"` // Unix seconds
}

// Problem is an RFC 9457 problem with a stable code.
type Problem struct {
	Type       string `json:"type"`                  // "about:blank" or a URN of the code
	Title      string `json:"title"`                 // the status in words
	Status     int    `json:"status"`                // HTTP status
	Code       string `json:"code"`                  // stable, snake_case
	Detail     string `json:"detail"`                // what happened and what to do, for people
	RetryAfter int    `json:"retry_after,omitempty"` // seconds after which trying again makes sense; 0: it does not by itself
	RequestID  string `json:"request_id,omitempty"`

	Values []string `json:"values,omitempty"` // what the code's sentence is about, for those who say it in another language
}
