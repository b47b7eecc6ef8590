package jail

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // what hashcash is made of
	"fmt"
	"io"
	"strings"
	"testing"
)

// stamp is what hashcash -mCb makes for a resource, and mints until the hash begins with that many zeros.
func stamp(resource string, zeros int) string {
	for n := 0; ; n++ {
		text := fmt.Sprintf("1:%d:260331:%s::k-K0GHpmBSo:%x", zeros, resource, n)
		if digits := fmt.Sprintf("%x", sha1.Sum([]byte(text))); strings.HasPrefix(digits, strings.Repeat("0", zeros/4)) { //nolint:gosec // as above
			return text
		}
	}
}

func TestAStampOfHashcashIsForItsResource(t *testing.T) {
	// What hashcash itself has made.
	if given := "1:30:260331:9wLIFMcmGci4::k-K0GHpmBSo:378f7f70"; !stamped(given, "9wLIFMcmGci4", 30) {
		t.Errorf("%s does not pass", given)
	}
	if own := stamp("abc", 8); !stamped(own, "abc", 8) || stamped(own, "abd", 8) || stamped(own, "abc", 12) {
		t.Errorf("%s passes for another resource or more work, or not for its own", own)
	}
	for _, wrong := range []string{
		"", "1", "1:8:260331:abc::x", strings.Replace(stamp("abc", 8), "1:", "0:", 1), stamp("abc", 4), "1:-8:260331:abc::x:0",
		stamp("abc", 8) + ":0", strings.Repeat(":", 6),
	} {
		if stamped(wrong, "abc", 8) {
			t.Errorf("%q passes", wrong)
		}
	}
}

// minting is a player who answers what hashcash is asked for, and has more to say to the program.
type minting struct {
	said  bytes.Buffer
	zeros int
	says  *strings.Reader
}

func (m *minting) Write(text []byte) (int, error) { return m.said.Write(text) }

func (m *minting) Read(into []byte) (int, error) {
	if m.says == nil {
		part := strings.Split(m.said.String(), `"`)
		m.says = strings.NewReader(stamp(part[1], m.zeros) + "\r\nfor the program")
	}
	return m.says.Read(into)
}

func TestCybersecnatlabsJailAsksForAStamp(t *testing.T) {
	c, err := cyber([]string{"POW_BITS=8"})
	if err != nil {
		t.Fatal(err)
	}
	for zeros, passes := range map[int]bool{8: true, 12: true, 4: false} {
		player := &minting{zeros: zeros}
		if c.askWork(player) != passes {
			t.Errorf("a stamp of %d bits passes: %t", zeros, !passes)
		}
		asked, _ := strings.CutPrefix(player.said.String(), "Do Hashcash for 8 bits with resource \"")
		if _, asks, _ := strings.Cut(asked, "\"\n"); strings.HasPrefix(asks, "Result: ") != (asked != "") || len(asked) < 12 {
			t.Errorf("it says %q", player.said.String())
		}
		if left, err := io.ReadAll(player.says); err != nil || string(left) != "for the program" {
			t.Errorf("%q is left for the program, %v", left, err)
		}
	}
}
