package store

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// instanceRow is an instance as a row; what has an inner structure is JSON, and nothing queries by it.
type instanceRow struct {
	bun.BaseModel `bun:"table:instances,alias:i"`

	ID         string `bun:",pk"`
	Challenge  string
	Revision   string
	OwnerID    string
	OwnerName  string
	Player     string
	Slug       string
	Routes     string
	Terms      string
	Networks   string
	State      string
	Reason     string
	StopCause  string
	Subnet     string
	Egress     bool
	Addresses  string
	Ports      string
	CreatedAt  time.Time
	StartedAt  time.Time `bun:",nullzero"`
	ExpiresAt  time.Time `bun:",nullzero"`
	EndedAt    time.Time `bun:",nullzero"`
	ExtendedMS int64     `bun:"extended_ms"`
	Memory     int64
	Failures   int
	Losses     int
	Version    int64
}

// reasonJSON is why an instance failed; the cause stays in the log.
type reasonJSON struct {
	Kind         whaley.Kind
	Code, Detail string
	RetryAfter   time.Duration
}

func toRow(in *whaley.Instance) (*instanceRow, error) {
	row := &instanceRow{
		ID: in.ID, Challenge: in.Challenge, Revision: in.Revision, OwnerID: in.Owner.ID, OwnerName: in.Owner.Name,
		Player: in.Player, Slug: in.Slug, State: string(in.State), StopCause: in.StopCause,
		CreatedAt: utc(in.CreatedAt), StartedAt: utc(in.StartedAt), ExpiresAt: utc(in.ExpiresAt), EndedAt: utc(in.EndedAt),
		ExtendedMS: in.Extended.Milliseconds(), Memory: in.Memory, Failures: in.Failures, Losses: in.Losses,
		Egress: in.Egress, Version: in.Version,
	}
	if in.Subnet.IsValid() {
		row.Subnet = in.Subnet.String()
	}
	var reason *reasonJSON
	if in.Reason != nil {
		reason = &reasonJSON{in.Reason.Kind, in.Reason.Code, in.Reason.Detail, in.Reason.RetryAfter}
	}
	for column, value := range map[*string]any{
		&row.Routes: in.Routes, &row.Terms: in.Terms, &row.Networks: in.Networks, &row.Addresses: in.Addresses,
		&row.Ports: in.Ports, &row.Reason: reason,
	} {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		*column = string(text)
	}
	return row, nil
}

func (row *instanceRow) instance() (*whaley.Instance, error) {
	in := &whaley.Instance{
		ID: row.ID, Challenge: row.Challenge, Revision: row.Revision,
		Owner: whaley.Owner{ID: row.OwnerID, Name: row.OwnerName}, Player: row.Player, Slug: row.Slug,
		State: whaley.State(row.State), StopCause: row.StopCause,
		CreatedAt: utc(row.CreatedAt), StartedAt: utc(row.StartedAt), ExpiresAt: utc(row.ExpiresAt), EndedAt: utc(row.EndedAt),
		Extended: time.Duration(row.ExtendedMS) * time.Millisecond, Memory: row.Memory, Failures: row.Failures,
		Losses: row.Losses, Egress: row.Egress, Version: row.Version,
	}
	if row.Subnet != "" {
		prefix, err := netip.ParsePrefix(row.Subnet)
		if err != nil {
			return nil, fmt.Errorf("row of %s: %w", row.ID, err)
		}
		in.Subnet = prefix
	}
	for column, into := range map[*string]any{
		&row.Routes: &in.Routes, &row.Terms: &in.Terms, &row.Networks: &in.Networks, &row.Addresses: &in.Addresses,
		&row.Ports: &in.Ports,
	} {
		if err := json.Unmarshal([]byte(*column), into); err != nil {
			return nil, fmt.Errorf("row of %s: %w", row.ID, err)
		}
	}
	reason, err := reasonOf(row.Reason)
	if err != nil {
		return nil, fmt.Errorf("row of %s: %w", row.ID, err)
	}
	in.Reason = reason
	return in, nil
}

func reasonOf(column string) (*whaley.Error, error) {
	var reason *reasonJSON
	if err := json.Unmarshal([]byte(column), &reason); err != nil || reason == nil {
		return nil, err
	}
	return &whaley.Error{Kind: reason.Kind, Code: reason.Code, Detail: reason.Detail, RetryAfter: reason.RetryAfter}, nil
}
