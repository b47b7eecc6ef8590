package challenge

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// lines is where keys stand in a file.
type lines map[string]int

func (l lines) add(key string, line int) {
	if _, known := l[key]; !known && line > 0 {
		l[key] = line
	}
}

// of is the line of a key, or of the closest thing around it, or 0.
func (l lines) of(key string) int {
	for key != "" {
		if line, known := l[key]; known {
			return line
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return 0
}

// has says whether a key stands in the file.
func (l lines) has(key string) bool { return l[key] > 0 }

// locate gives the problems of one file that have no line the line of their key; what is about the whole file has
// line 1. Then they are in the order of reading.
func (p Problems) locate(file string, at lines) {
	for n := range p {
		if p[n].File == file && p[n].Line == 0 {
			p[n].Line = max(at.of(p[n].Key), 1)
		}
	}
	slices.SortStableFunc(p, func(a, b Problem) int {
		definition := func(p Problem) bool { return path.Base(p.File) == definitionFile }
		switch {
		case a.File == b.File:
			return cmp.Compare(a.Line, b.Line)
		case definition(a):
			return -1
		case definition(b):
			return 1
		}
		return cmp.Compare(a.File, b.File)
	})
}

// join is the key of something in a table, item that of something in a list, route that of something of a route.
func join(path, key string) string   { return strings.TrimPrefix(path+"."+key, ".") }
func item(key string, n int) string  { return fmt.Sprintf("%s[%d]", key, n) }
func route(n int, key string) string { return join(item("routes", n), key) }
