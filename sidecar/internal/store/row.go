package store

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// instanceRow is an instance as a row; what has an inner structure is JSON, and nothing queries by it but LiveWith.
type instanceRow struct {
	bun.BaseModel `bun:"table:instances,alias:i"`

	ID         string `bun:",pk"`
	Challenge  string
	Revision   string
	OwnerID    string
	OwnerName  string
	Player     string
	Slug       string
	Routes     []whaley.Route `bun:"type:jsonb"`
	Terms      whaley.Terms   `bun:"type:jsonb"`
	Networks   []whaley.Part  `bun:"type:jsonb"`
	State      string
	Reason     reason
	StopCause  string
	Subnet     string
	Egress     bool
	Addresses  map[string]netip.Addr `bun:"type:jsonb"`
	Ports      map[int]int           `bun:"type:jsonb"`
	CreatedAt  time.Time
	StartedAt  time.Time `bun:",nullzero"`
	ExpiresAt  time.Time `bun:",nullzero"`
	EndedAt    time.Time `bun:",nullzero"`
	ExtendedMS int64     `bun:"extended_ms"`
	Memory     int64
	Expected   int64
	Failures   int
	Losses     int
	Sleep      orNull[whaley.Sleep]
	Version    int64
}

// orNull is JSON of something, or null. The column holds JSON always, which a nil pointer would not be.
type orNull[T any] struct{ of *T }

func (v orNull[T]) MarshalJSON() ([]byte, error) { return json.Marshal(v.of) }

func (v *orNull[T]) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &v.of) }

// reason is why an instance failed.
type reason = orNull[whaley.Error]

func toRow(in *whaley.Instance) *instanceRow {
	row := &instanceRow{
		ID: in.ID, Challenge: in.Challenge, Revision: in.Revision, OwnerID: in.Owner.ID, OwnerName: in.Owner.Name,
		Player: in.Player, Slug: in.Slug, State: string(in.State), StopCause: in.StopCause,
		CreatedAt: utc(in.CreatedAt), StartedAt: utc(in.StartedAt), ExpiresAt: utc(in.ExpiresAt), EndedAt: utc(in.EndedAt),
		ExtendedMS: in.Extended.Milliseconds(), Memory: in.Memory, Expected: in.Expected, Failures: in.Failures, Losses: in.Losses,
		Egress: in.Egress, Version: in.Version, Routes: in.Routes, Terms: in.Terms, Networks: in.Networks,
		Addresses: in.Addresses, Ports: in.Ports, Reason: reason{in.Reason}, Sleep: orNull[whaley.Sleep]{in.Sleep},
	}
	if in.Subnet.IsValid() {
		row.Subnet = in.Subnet.String()
	}
	return row
}

func (row *instanceRow) instance() (*whaley.Instance, error) {
	in := &whaley.Instance{
		ID: row.ID, Challenge: row.Challenge, Revision: row.Revision,
		Owner: whaley.Owner{ID: row.OwnerID, Name: row.OwnerName}, Player: row.Player, Slug: row.Slug,
		State: whaley.State(row.State), StopCause: row.StopCause,
		CreatedAt: utc(row.CreatedAt), StartedAt: utc(row.StartedAt), ExpiresAt: utc(row.ExpiresAt), EndedAt: utc(row.EndedAt),
		Extended: time.Duration(row.ExtendedMS) * time.Millisecond, Memory: row.Memory, Expected: row.Expected, Failures: row.Failures,
		Losses: row.Losses, Egress: row.Egress, Version: row.Version, Routes: row.Routes, Terms: row.Terms,
		Networks: row.Networks, Addresses: row.Addresses, Ports: row.Ports, Reason: row.Reason.of,
		Sleep: row.Sleep.of,
	}
	if row.Subnet != "" {
		prefix, err := netip.ParsePrefix(row.Subnet)
		if err != nil {
			return nil, fmt.Errorf("row of %s: %w", row.ID, err)
		}
		in.Subnet = prefix
	}
	return in, nil
}
