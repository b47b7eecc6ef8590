package flag

import (
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// A flag of a challenge that is not loaded keeps its shape when it is rotated, whatever that is.
func TestARotatedFlagKeepsItsShape(t *testing.T) {
	for _, shape := range []string{"FLAG{base_%}", "flag-{it's_%}", `ABC+{a"b\_%}`, "no braces_%", "%"} {
		token := "0123456789abcdef"
		old := &whaley.IssuedFlag{Challenge: "web", Value: strings.Replace(shape, "%", token, 1), Token: token}
		next := again(old)
		if next.Value != strings.Replace(shape, "%", next.Token, 1) || next.Token == token || len(next.Token) != len(token) {
			t.Errorf("of %q it makes %q", old.Value, next.Value)
		}
	}
}
