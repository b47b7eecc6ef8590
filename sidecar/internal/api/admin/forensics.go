package admin

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type captureJSON struct {
	ID         string        `json:"id"`
	Instance   string        `json:"instance"`
	Challenge  string        `json:"challenge"`
	Owner      kit.OwnerJSON `json:"owner"`
	SpawnedBy  string        `json:"spawned_by"`
	Type       string        `json:"capture_type"`
	Reason     string        `json:"terminate_reason"`
	At         time.Time     `json:"capture_time"`
	Size       int64         `json:"file_size_bytes"`
	Compressed bool          `json:"compressed"`
	Containers []string      `json:"containers"`
	Truncated  bool          `json:"truncated"`
	Sidecar    string        `json:"sidecar"`
}

func captureOf(c whaley.Capture) captureJSON {
	return captureJSON{
		ID: c.ID, Instance: c.Instance, Challenge: c.Challenge, Owner: kit.OwnerJSON{ID: c.Owner.ID, Name: c.Owner.Name},
		SpawnedBy: c.Player, Type: c.Kind,
		Reason: c.Reason, At: c.At, Size: c.Size, Compressed: c.Compressed, Containers: c.Containers, Truncated: c.Truncated,
		Sidecar: c.Holder,
	}
}

// GetForensicsStats answers GET /admin/api/forensics/stats.
func (a Handlers) GetForensicsStats(w http.ResponseWriter, r *http.Request) error {
	stats, err := a.Forensics.Stats(r.Context())
	if err != nil {
		return err
	}
	o := a.Forensics.Options()
	return kit.Write(w, http.StatusOK, map[string]any{
		"auto_capture_enabled": o.Auto(), "total_logs": stats.Auto + stats.Live, "auto_capture_count": stats.Auto,
		"live_capture_count": stats.Live, "total_size_bytes": stats.Bytes, "retention_hours": int(o.Retention().Hours()),
		"max_size_bytes": o.MaxBytes(), "tail_lines": o.Lines(), "compression_enabled": o.Compress(),
	})
}

type captureToggle struct {
	Enabled *bool `json:"enabled"`
}

func (t captureToggle) Valid() error {
	if t.Enabled == nil {
		return whaley.Errorf(whaley.Invalid, "enabled_missing", "enabled must be true or false.")
	}
	return nil
}

// ToggleForensics answers POST /admin/api/forensics/toggle.
func (a Handlers) ToggleForensics(w http.ResponseWriter, r *http.Request) error {
	t, err := kit.Decode[captureToggle](w, r)
	if err != nil {
		return err
	}
	value := strconv.FormatBool(*t.Enabled)
	if err := a.setSettings(r, map[string]*string{"FORENSICS_AUTO_CAPTURE": &value}); err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, map[string]bool{"auto_capture_enabled": *t.Enabled})
}

func captureQuery(r *http.Request) (whaley.CaptureQuery, error) {
	var q whaley.CaptureQuery
	err := kit.TextParams(r, map[string]*string{
		"instance": &q.Instance, "challenge": &q.Challenge, "owner": &q.Owner, "capture_type": &q.Kind, "reason": &q.Reason,
	})
	if err != nil {
		return q, err
	}
	if q.From, err = kit.TimeOf(r, "from"); err != nil {
		return q, err
	}
	if q.To, err = kit.TimeOf(r, "to"); err != nil {
		return q, err
	}
	page, err := kit.PageOf(r)
	q.Limit, q.After = page.Limit, page.After
	return q, err
}

// ListCaptures answers GET /admin/api/forensics/logs.
func (a Handlers) ListCaptures(w http.ResponseWriter, r *http.Request) error {
	q, err := captureQuery(r)
	if err != nil {
		return err
	}
	limit := q.Limit
	q.Limit++
	found, err := a.Forensics.Find(r.Context(), q)
	if err != nil {
		return err
	}
	logs, next := kit.PartOf(found, limit, func(c whaley.Capture) string { return c.ID }, captureOf)
	return kit.Write(w, http.StatusOK, map[string]any{"logs": logs, "next": next})
}

// GetCapture answers with the text; with ?download=true as a file to keep.
func (a Handlers) GetCapture(w http.ResponseWriter, r *http.Request) error {
	c, err := a.Forensics.Get(r.Context(), kit.IDOf(r))
	if err != nil {
		return err
	}
	f, err := a.Forensics.Open(c)
	if err != nil {
		return err
	}
	defer f.Close()
	var text io.Reader = f
	if c.Compressed {
		if text, err = gzip.NewReader(f); err != nil {
			return whaley.Errorf(whaley.Internal, "capture_broken", "The file of this capture cannot be read.").Because(err)
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if r.URL.Query().Get("download") == "true" {
		w.Header().Set("Content-Disposition", `attachment; filename="`+c.ID+`.log"`) // made of what ids are made of
	}
	if _, err := io.Copy(w, text); err != nil {
		a.Log.Warn("capture download cut short", "capture", c.ID, "err", err)
	}
	return nil
}

// DeleteCapture answers DELETE /admin/api/forensics/logs/{id}.
func (a Handlers) DeleteCapture(w http.ResponseWriter, r *http.Request) error {
	id := kit.IDOf(r)
	tell(r, whaley.Event{Type: "admin_forensics_delete", Message: "removed the capture " + id})
	if err := a.Forensics.Remove(r.Context(), id); err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, map[string]int{"deleted": 1})
}

// DeleteCaptures answers DELETE /admin/api/forensics/logs.
func (a Handlers) DeleteCaptures(w http.ResponseWriter, r *http.Request) error {
	tell(r, whaley.Event{Type: "admin_forensics_clear", Message: "removed all captures"})
	n, err := a.Forensics.Clear(r.Context(), whaley.CaptureQuery{})
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, map[string]int{"deleted": n})
}

// CleanCaptures answers POST /admin/api/forensics/cleanup.
func (a Handlers) CleanCaptures(w http.ResponseWriter, r *http.Request) error {
	tell(r, whaley.Event{Type: "admin_forensics_cleanup", Message: "removed captures that were too old"})
	n, err := a.Forensics.Cleanup(r.Context())
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, map[string]int{"deleted": n})
}

// CaptureLive answers POST /admin/api/forensics/live-capture/{id}.
func (a Handlers) CaptureLive(w http.ResponseWriter, r *http.Request) error {
	in, err := a.Instancer.Store.Get(r.Context(), kit.IDOf(r))
	if err != nil {
		return err
	}
	if !in.State.Live() {
		return whaley.Errorf(
			whaley.Conflict, "instance_not_live", "This instance is %s already: it prints no more.", in.State,
		)
	}
	tell(r, whaley.Event{Type: "admin_forensics_capture"})
	c, err := a.Forensics.Live(r.Context(), in)
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusCreated, captureOf(c))
}
