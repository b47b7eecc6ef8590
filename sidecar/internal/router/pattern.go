package router

import (
	"fmt"
	"net/http"
	"strings"
)

// pattern is a route's path by its parts.
type pattern struct {
	Route
	parts []part
}

// part is fixed text or, with a name, a parameter.
type part struct {
	text, name string
	rest       bool // takes all that follows
}

func parse(route Route) pattern {
	p := pattern{Route: route}
	for _, text := range split(route.Pattern) {
		name, isName := strings.CutPrefix(text, "{")
		if !isName {
			p.parts = append(p.parts, part{text: text})
			continue
		}
		name, rest := strings.CutSuffix(strings.TrimSuffix(name, "}"), "...")
		p.parts = append(p.parts, part{name: name, rest: rest})
	}
	return p
}

func (p pattern) fixed() int {
	n := 0
	for _, part := range p.parts {
		if part.name == "" {
			n++
		}
	}
	return n
}

// fits says whether a path is of this pattern. A parameter is never empty.
func (p pattern) fits(path []string) bool {
	for n, part := range p.parts {
		switch {
		case n >= len(path):
			return false
		case part.rest:
			return path[n] != "" || len(path) > n+1
		case part.name == "" && part.text != path[n], part.name != "" && path[n] == "":
			return false
		}
	}
	return len(path) == len(p.parts)
}

func (p pattern) serve(w http.ResponseWriter, r *http.Request, path []string) {
	for n, part := range p.parts {
		switch {
		case part.rest:
			r.SetPathValue(part.name, strings.Join(path[n:], "/"))
		case part.name != "":
			r.SetPathValue(part.name, path[n])
		}
	}
	r.Pattern = p.Pattern
	p.Handler.ServeHTTP(w, r)
}

// group brings patterns into shapes that httprouter takes, by method. It refuses a fixed part beside a parameter, so
// there both become a parameter, and what has the same shape then shares it.
func group(patterns []pattern) map[string]map[string][]pattern {
	shapes := map[string][]string{} // of each pattern, by method and pattern
	key := func(p pattern) string { return p.Method + " " + p.Pattern }
	open := map[string]bool{} // method and shape before a part that is a parameter of some pattern
	for _, p := range patterns {
		shapes[key(p)] = nil
	}
	for depth, more := 0, true; more; depth++ {
		more = false
		for _, p := range patterns {
			if depth < len(p.parts) && p.parts[depth].name != "" && !p.parts[depth].rest {
				open[before(p.Method, shapes[key(p)])] = true
			}
		}
		for _, p := range patterns {
			if depth >= len(p.parts) {
				continue
			}
			more = true
			shape := shapes[key(p)]
			text := p.parts[depth].text
			switch {
			case p.parts[depth].rest:
				text = "*rest"
			case open[before(p.Method, shape)]:
				text = fmt.Sprintf(":%d", depth)
			}
			shapes[key(p)] = append(shape, text)
		}
	}
	byMethod := map[string]map[string][]pattern{}
	for _, p := range patterns {
		if byMethod[p.Method] == nil {
			byMethod[p.Method] = map[string][]pattern{}
		}
		shape := "/" + strings.Join(shapes[key(p)], "/")
		byMethod[p.Method][shape] = append(byMethod[p.Method][shape], p)
	}
	return byMethod
}

func before(method string, shape []string) string { return method + " /" + strings.Join(shape, "/") }
