package kit

import (
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Bounds of what lists are asked for.
const (
	defaultPage = 100
	MaxPage     = 1000
	MaxText     = 200 // bytes of one filter
)

// page is which part of a long list is asked for: at most Limit, after the one whose cursor is After.
type page struct {
	Limit int
	After string
}

// PageOf reads ?limit= and ?after=.
func PageOf(r *http.Request) (page, error) {
	p := page{Limit: defaultPage}
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > MaxPage {
			return p, whaley.Errorf(whaley.Invalid, "limit_invalid", "limit must be a number from 1 to %d.", MaxPage)
		}
		p.Limit = n
	}
	after, err := TextParam(r, "after")
	p.After = after
	return p, err
}

// TextParam reads a parameter that ends up in a query of the database, which takes valid text only.
func TextParam(r *http.Request, name string) (string, error) {
	text := r.URL.Query().Get(name)
	if len(text) > MaxText || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return "", whaley.Errorf(whaley.Invalid, "parameter_invalid", "%s must be a text of at most %d bytes.", name, MaxText)
	}
	return text, nil
}

// TextParams reads several.
func TextParams(r *http.Request, into map[string]*string) error {
	for name, value := range into {
		text, err := TextParam(r, name)
		if err != nil {
			return err
		}
		*value = text
	}
	return nil
}

// TimeOf reads a time of the query; zero if there is none.
func TimeOf(r *http.Request, name string) (time.Time, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, whaley.Errorf(whaley.Invalid, "time_invalid", "%s must be a time like 2030-01-31T18:00:00Z.", name)
	}
	return t, nil
}

// NumberOf reads a number of the query that is not negative; 0 if there is none.
func NumberOf(r *http.Request, name string) (float64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0) {
		return 0, whaley.Errorf(whaley.Invalid, "number_invalid", "%s must be a number from 0 on.", name)
	}
	return n, nil
}

// PartOf makes a page out of what was found, which is one more than fits where there is more: then next is the last
// one's cursor, and else empty.
func PartOf[F, J any](found []F, limit int, cursor func(F) string, show func(F) J) (part []J, next string) {
	if len(found) > limit {
		found = found[:limit]
		next = cursor(found[limit-1])
	}
	part = make([]J, 0, len(found))
	for _, one := range found {
		part = append(part, show(one))
	}
	return part, next
}
