package kit

import (
	"encoding/csv"
	"net/http"
	"strings"
	"time"
)

// StreamCSV writes a table part after part: next writes some rows and says whether there are more. An error before the
// first part is an answer like any other; a later one breaks the connection, so that nobody takes a part for the whole.
func StreamCSV(w http.ResponseWriter, name string, columns []string, next func(*csv.Writer) (bool, error)) error {
	begun := &starting{w: w, name: name}
	out := csv.NewWriter(begun)
	Row(out, columns...)
	for more := true; more; {
		var err error
		if more, err = next(out); err != nil {
			if !begun.started {
				return err
			}
			panic(http.ErrAbortHandler)
		}
		if out.Flush(); out.Error() != nil {
			return nil // the client has gone away
		}
	}
	return nil
}

// starting sets the header of a download before its first byte.
type starting struct {
	w       http.ResponseWriter
	name    string
	started bool
}

// Write answers with JSON.
func (s *starting) Write(part []byte) (int, error) {
	if !s.started {
		s.started = true
		h := s.w.Header()
		h.Set("Content-Type", "text/csv; charset=utf-8")
		h.Set(
			"Content-Disposition", `attachment; filename="whaley-`+s.name+"-"+time.Now().UTC().Format("20060102-150405")+`.csv"`,
		)
		h.Set("Cache-Control", "no-store")
	}
	return s.w.Write(part)
}

// Row writes one line. Spreadsheets take some texts for formulas, and players choose their names: such a text gets a '
// before it.
func Row(out *csv.Writer, fields ...string) {
	for n, field := range fields {
		if field != "" && strings.ContainsRune("=+-@\t\r", rune(field[0])) {
			fields[n] = "'" + field
		}
	}
	_ = out.Write(fields) // which Error says
}

// When is a time in a table; empty if there is none.
func When(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
