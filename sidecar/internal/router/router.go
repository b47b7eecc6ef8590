// Package router is httprouter with two additions: a fixed part of a path may stand beside a parameter
// (/flags/suspicious beside /flags/{id}), and another method on a known path is told from an unknown path.
package router

import (
	"net/http"
	"slices"
	"strings"

	"github.com/julienschmidt/httprouter"
)

// Route is one operation. Pattern is a path whose parts may be {name}, any one part, or, as the last, {name...}, all
// that follows with its slashes; nothing else may stand in such a place. The handler reads them by PathValue and finds
// its own pattern in Request.Pattern.
type Route struct {
	Method, Pattern string
	Handler         http.Handler
}

// New serves routes. A path that none of them has goes to notFound, one that only other methods have to wrongMethod.
// Paths are compared as they are, decoded: nothing is cleaned and nothing redirected.
func New(routes []Route, notFound, wrongMethod http.Handler) http.Handler {
	patterns := make([]pattern, len(routes))
	for n, route := range routes {
		patterns[n] = parse(route)
	}
	table := &table{patterns: patterns, notFound: notFound, wrongMethod: wrongMethod}
	router := httprouter.New()
	router.RedirectTrailingSlash = false
	router.RedirectFixedPath = false
	router.HandleOPTIONS = false
	router.HandleMethodNotAllowed = false
	router.NotFound = http.HandlerFunc(table.miss)
	for method, shapes := range group(patterns) {
		for shape, candidates := range shapes {
			router.Handle(method, shape, table.dispatch(candidates))
		}
	}
	return router
}

type table struct {
	patterns              []pattern
	notFound, wrongMethod http.Handler
}

// dispatch serves those patterns that httprouter holds for one: the one that fits with most fixed parts.
func (t *table) dispatch(candidates []pattern) httprouter.Handle {
	slices.SortStableFunc(candidates, func(a, b pattern) int { return b.fixed() - a.fixed() })
	return func(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
		parts := split(r.URL.Path)
		for _, p := range candidates {
			if p.fits(parts) {
				p.serve(w, r, parts)
				return
			}
		}
		t.miss(w, r)
	}
}

// miss answers what has no route.
func (t *table) miss(w http.ResponseWriter, r *http.Request) {
	parts := split(r.URL.Path)
	if slices.ContainsFunc(t.patterns, func(p pattern) bool { return p.fits(parts) }) {
		t.wrongMethod.ServeHTTP(w, r)
		return
	}
	t.notFound.ServeHTTP(w, r)
}

func split(path string) []string { return strings.Split(strings.TrimPrefix(path, "/"), "/") }
