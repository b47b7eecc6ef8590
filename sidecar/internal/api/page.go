package api

import (
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

const (
	defaultPage = 100
	maxPage     = 1000
	maxText     = 200 // bytes of one filter
)

// page is which part of a long list is asked for: at most Limit, after the one whose cursor is After.
type page struct {
	Limit int
	After string
}

// pageOf reads ?limit= and ?after=.
func pageOf(r *http.Request) (page, error) {
	p := page{Limit: defaultPage}
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			return p, instancer.Errorf(instancer.Invalid, "limit_invalid", "limit must be a number from 1 to %d.", maxPage)
		}
		p.Limit = n
	}
	after, err := textParam(r, "after")
	p.After = after
	return p, err
}

// textParam reads a parameter that ends up in a query of the database, which takes valid text only.
func textParam(r *http.Request, name string) (string, error) {
	text := r.URL.Query().Get(name)
	if len(text) > maxText || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return "", instancer.Errorf(instancer.Invalid, "parameter_invalid", "%s must be a text of at most %d bytes.", name, maxText)
	}
	return text, nil
}
