package check

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// TestWhatAnEventWithCTFdNeedsIsInTheGuide: what organisers only found out in the middle of an event stands in
// docs/operate.md, and the way in the panel that check names is the one that it describes.
func TestWhatAnEventWithCTFdNeedsIsInTheGuide(t *testing.T) {
	text, err := os.ReadFile("../../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	guide := strings.Join(strings.Fields(string(text)), " ")
	for what, words := range map[string]string{
		"the step that maps challenges":       `\*\*Which challenge is which\*\*: in the panel under \*Flags\*, \*CTFd\*`,
		"flags before it":                     `Until then CTFd refuses what players find`,
		"what ctfcli deletes":                 "`ctf challenge sync` deletes all flags of a challenge",
		"how not to":                          "`ctf challenge sync --ignore flags --ignore connection_info`",
		"CTFd's times and visibility":         `CTFd's event has not begun, is over, is paused; a challenge is hidden there \| nothing is listed or started`,
		"what is for one challenge otherwise": "`any_time = true` in `instance.toml`",
		"what CTFd does not store":            `once a team has solved a challenge, CTFd stores nothing that it submits there any more`,
		"how long a sign-in lasts":            "It lasts until the event ends \\(`SESSION_HOURS`\\)",
		"a key that ends":                     "`CTFD_API_KEY` ends or is refused \\| who is signed in plays on",
		"a ban":                               `CTFd bans or deletes a player or team \| refused within about half a minute, and what runs for them is stopped`,
		"versions":                            `CTFd 3\.5 to 3\.8`,
	} {
		if !regexp.MustCompile(words).MatchString(guide) {
			t.Errorf("%s: there is no %q", what, words)
		}
	}
	board := ctfdtest.New(t)
	k := known{mapped: []*whaley.Mapping{{Challenge: "notes", CTFdChallenge: 9, CTFdName: "Notes"}}}
	env := map[string]string{"AUTH_MODE": "ctfd", "CTFD_URL": board.URL, "CTFD_API_KEY": board.Admin}
	told(t, 1, func(r *report) { checkCTFd(t.Context(), settings(t, env), k, r) }, "(admin panel, Flags, CTFd)")
}
