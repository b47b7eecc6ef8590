package ctfd

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

const (
	exportTimeout = 5 * time.Minute
	exportDate    = "2006-01-02 15:04:05.999999" // without a zone: UTC
)

// ExportSubmissions gives all submissions to a function, in no promised order and without names. It is one request,
// answered as it is read; CTFd allows ten a minute.
func (c *Client) ExportSubmissions(ctx context.Context, each func(instancer.Submission) error) error {
	ctx, cancel := context.WithTimeout(ctx, exportTimeout)
	defer cancel()
	r := request{method: http.MethodPost, path: "/exports/raw", body: map[string]any{
		"type": "csv", "args": map[string]string{"table": "submissions"},
	}}
	key := c.key()
	out, err := c.prepare(ctx, r, key)
	if err != nil {
		return err
	}
	by, _ := c.own.client(key)
	whole := *by
	whole.Timeout = exportTimeout
	resp, err := whole.Do(out)
	if err != nil {
		return unavailable(withoutURL(err))
	}
	defer resp.Body.Close()
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case resp.StatusCode >= http.StatusInternalServerError:
		return unavailable(fmt.Errorf("%w: %s", errStatus, resp.Status))
	case resp.StatusCode != http.StatusOK || kind != "text/csv":
		text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return unavailable(withoutURL(err))
		}
		if err := refusal(r, answer{status: resp.StatusCode, json: kind == "application/json", body: text}); err != nil {
			return err
		}
		return misconfigured(errors.New("the export is not CSV"))
	}
	return readExport(resp.Body, each)
}

func readExport(body io.Reader, each func(instancer.Submission) error) error {
	lines := csv.NewReader(body)
	lines.ReuseRecord = true
	header, err := lines.Read()
	if err != nil {
		return cutShort(err)
	}
	column := map[string]int{}
	for n, name := range header {
		column[name] = n
	}
	for _, name := range []string{"id", "challenge_id", "user_id", "team_id", "ip", "provided", "type", "date"} {
		if !slices.Contains(header, name) {
			return misconfigured(fmt.Errorf("the export has no column %s", name))
		}
	}
	for {
		line, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return cutShort(err)
		}
		field := func(name string) string { return line[column[name]] }
		var wrong error
		number := func(name string) int {
			if field(name) == "" || field(name) == "None" {
				return 0
			}
			n, err := strconv.Atoi(field(name))
			wrong = errors.Join(wrong, err)
			return n
		}
		s := instancer.Submission{
			ID: number("id"), Challenge: number("challenge_id"), User: number("user_id"), Team: number("team_id"), Address: field("ip"),
			Provided: field("provided"), Type: field("type"),
		}
		if s.At, err = time.Parse(exportDate, field("date")); errors.Join(wrong, err) != nil {
			return misconfigured(fmt.Errorf("the export has a line that cannot be read: %w", errors.Join(wrong, err)))
		}
		if err := each(s); err != nil {
			return err
		}
	}
}

// cutShort is an export that ended before its end.
func cutShort(err error) error {
	var bad *csv.ParseError
	if errors.As(err, &bad) {
		return misconfigured(err)
	}
	return unavailable(withoutURL(err))
}
