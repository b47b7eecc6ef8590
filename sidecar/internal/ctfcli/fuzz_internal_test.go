package ctfcli

import (
	"bytes"
	"testing"
)

// FuzzLink writes a link into any file: a second time there is nothing to write, and a file that is left alone is left
// as it is.
func FuzzLink(f *testing.F) {
	f.Add([]byte("name: Notes\nconnection_info: nc old 1\nvalue: 100\n"))
	f.Add([]byte("name: Notes\r\nvalue: 100"))
	f.Add([]byte("name: Notes\rconnection_info: old\r"))
	f.Add([]byte("name: Notes\u2028connection_info: old"))
	f.Add([]byte("{name: Notes}"))
	const to = "https://whaley.example/go/notes"
	f.Fuzz(func(t *testing.T, text []byte) {
		next, outcome, err := link(bytes.Clone(text), to, true)
		if err != nil {
			return
		}
		if outcome == Same && !bytes.Equal(next, text) {
			t.Errorf("%q became %q", text, next)
		}
		if _, outcome, err := link(next, to, true); outcome != Same || err != nil {
			t.Errorf("%q became %q, and then it is %s %v", text, next, outcome, err)
		}
	})
}
