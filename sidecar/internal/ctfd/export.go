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

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	exportTimeout = 5 * time.Minute
	exportDate    = "2006-01-02 15:04:05.999999" // without a zone: UTC
)

// ExportSubmissions gives all submissions to a function, in no promised order and without names.
func (c *Client) ExportSubmissions(ctx context.Context, each func(whaley.Submission) error) error {
	columns := []string{"id", "challenge_id", "user_id", "team_id", "ip", "provided", "type", "date"}
	return c.export(ctx, "submissions", columns, func(l line) error {
		s := whaley.Submission{
			ID: l.number("id"), Challenge: l.number("challenge_id"), User: l.number("user_id"), Team: l.number("team_id"),
			Address: l.text("ip"), Provided: l.text("provided"), Type: l.text("type"),
		}
		at, err := time.Parse(exportDate, l.text("date"))
		if err := errors.Join(*l.wrong, err); err != nil {
			return misconfigured(fmt.Errorf("the export has a line that cannot be read: %w", err))
		}
		s.At = at
		return each(s)
	})
}

// line is one row of an export.
type line struct {
	fields []string
	column map[string]int
	wrong  *error // of numbers that are none
}

func (l line) text(name string) string { return l.fields[l.column[name]] }

// number is 0 where there is none.
func (l line) number(name string) int {
	if l.text(name) == "" || l.text(name) == "None" {
		return 0
	}
	n, err := strconv.Atoi(l.text(name))
	*l.wrong = errors.Join(*l.wrong, err)
	return n
}

// export reads a table of CTFd's. It is one request, answered as it is read; CTFd allows ten a minute.
func (c *Client) export(ctx context.Context, table string, columns []string, each func(line) error) error {
	ctx, cancel := context.WithTimeout(ctx, exportTimeout)
	defer cancel()
	r := request{method: http.MethodPost, path: "/exports/raw", body: map[string]any{
		"type": "csv", "args": map[string]string{"table": table},
	}}
	if err := c.budget.pace.wait(ctx, chore); err != nil {
		return err
	}
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
	case resp.StatusCode == http.StatusNotFound && kind == "text/html": // before 3.8 there are none, nor is the path one of the API
		return whaley.Errorf(whaley.NotFound, CodeNotFound, "This CTFd exports nothing.").
			Because(&Refusal{Method: r.method, Path: r.path, Status: resp.StatusCode, Message: "the answer is a page"})
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
	return readExport(resp.Body, columns, each)
}

func readExport(body io.Reader, columns []string, each func(line) error) error {
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
	for _, name := range columns {
		if !slices.Contains(header, name) {
			return misconfigured(fmt.Errorf("the export has no column %s", name))
		}
	}
	for {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return cutShort(err)
		}
		if err := each(line{fields: fields, column: column, wrong: new(error)}); err != nil {
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
