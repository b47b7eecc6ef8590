//go:build linux

package main

import (
	"bufio"
	"net/http"
	"strconv"
	"strings"
)

// raw answers with exactly these bytes, as no honest server would: ?head=, then ?line= as often as ?times= says, with
// {n} being which one it is, then ?tail=.
func raw(w http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	out := bufio.NewWriterSize(conn, 64<<10)
	times, _ := strconv.Atoi(r.FormValue("times"))
	before, after, numbered := strings.Cut(r.FormValue("line"), "{n}")
	out.WriteString(r.FormValue("head"))
	for n := range times {
		out.WriteString(before)
		if numbered {
			out.WriteString(strconv.FormatInt(int64(n), 16))
		}
		if _, err := out.WriteString(after); err != nil {
			return // it is read no further
		}
	}
	out.WriteString(r.FormValue("tail"))
	out.Flush()
}
